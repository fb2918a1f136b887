import type { Rejection } from '../domain/rejection.ts'

/** Says which item of an atomic batch it was that refused the whole. */
export const atItem = (rejection: Rejection, what: string, path: string): Rejection => ({
  ...rejection,
  message: `${what} of the batch: ${rejection.message}`,
  details: [{ path, reason: rejection.message }, ...rejection.details],
})
