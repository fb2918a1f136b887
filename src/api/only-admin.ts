import { refuse } from '../domain/rejection.ts'
import type { Principal } from './route.ts'

export const onlyAdmin = ({ role }: Principal): void => {
  if (role !== 'admin') refuse('forbidden', 'Only an administrator may do this.')
}
