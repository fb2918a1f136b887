import type { ContractCase } from '../support/target.ts'
import { appendCases } from './append.ts'
import { batchCases } from './batches.ts'
import { filterCases } from './filters.ts'
import { hostileCases } from './hostile.ts'
import { metadataCases } from './metadata.ts'
import { readCases } from './read.ts'
import { subscribeCases } from './subscribe.ts'
import { wireCases } from './wire.ts'

/** All that a server must do, by what it is about. */
export const suites: Record<string, ContractCase[]> = {
  append: appendCases,
  read: readCases,
  'metadata and removal': metadataCases,
  subscriptions: subscribeCases,
  filters: filterCases,
  'on the wire': wireCases,
  batches: batchCases,
  'hostile callers': hostileCases,
}
