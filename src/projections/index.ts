import { ledger } from './ledger/ledger.ts'
import type { Projection } from './projection.ts'

/** Every projection that a worker keeps. The runner needs to know nothing of their tables. */
export const projections = [ledger as unknown as Projection] as const
