import Type from 'typebox'
import { applyBatch } from '../../commands/apply-batch.ts'
import { BatchItem } from '../../commands/batch-item.ts'
import { appliedStatuses } from '../../domain/events/batch-applied.ts'
import type { RejectionCode } from '../../domain/rejection.ts'
import { appliedReply } from '../answers.ts'
import { atomic, batchResults } from '../batch.ts'
import { BookPath, bookIdOf } from '../parameters.ts'
import { type Route, route } from '../route.ts'

/** Of an atomic batch; the others give these for single items. */
const refusals: readonly RejectionCode[] = [
  'book_not_found',
  'forbidden',
  'account_not_found',
  'transaction_not_found',
  'account_code_taken',
  'transaction_id_taken',
  'reference_taken',
  'not_pending',
  'not_posted',
  'already_reversed',
  'hold_already_posted',
  'hold_already_voided',
  'hold_expired',
  'guard_failed',
  'too_large',
  'unbalanced',
  'too_few_entries',
  'same_account',
  'account_frozen',
  'account_not_frozen',
  'account_closed',
  'account_not_empty',
  'limits_contradict',
  'too_much_metadata',
  'currency_mismatch',
  'unknown_currency',
  'amount_out_of_range',
  'amount_exceeds_hold',
  'hold_needs_entries',
  'balance_out_of_range',
  'balance_too_low',
  'balance_too_high',
  'period_closed',
  'idempotency_key_reused',
]

const Batch = Type.Object(
  { items: Type.Array(BatchItem, { minItems: 1, maxItems: 1000 }), atomic },
  { additionalProperties: false },
)

const AppliedBatch = batchResults(appliedStatuses, {
  id: Type.Optional(
    Type.String({
      format: 'uuid',
      description: 'Of the account or transaction; of a reversal, its own',
    }),
  ),
  revision: Type.Optional(
    Type.Integer({ description: 'Of the event that did it, or had done it before' }),
  ),
})

export const batchRoutes = (): Route[] => [
  route({
    method: 'post',
    address: '/v1/books/{book}/batch',
    summary: 'Do up to 1,000 things, of which later ones may rest on earlier ones',
    description:
      'Each item is decided as the single request would be, on what those before it made. ' +
      'Answers 201 if at least one of them did something, else 200.',
    tag: 'batches',
    schemas: { path: BookPath, body: Batch },
    answers: { 201: AppliedBatch, 200: AppliedBatch },
    refusals,
    handle: async ({ path, body: { items, atomic = true }, execute }) =>
      appliedReply(await execute(applyBatch, bookIdOf(path.book), { items, atomic })),
  }),
]
