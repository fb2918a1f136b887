import { ledger } from './ledger/ledger.ts'
import { lookups } from './lookup.ts'
import { type Projection, untyped } from './projection.ts'

/** Every projection that a worker keeps. The runner needs to know nothing of their tables. */
export const projections: readonly Projection[] = [untyped(ledger), untyped(lookups)]
