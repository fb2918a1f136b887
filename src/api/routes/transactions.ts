import Type from 'typebox'
import { changeTransactionMetadata } from '../../commands/change-transaction-metadata.ts'
import { HoldPosting, postHold } from '../../commands/post-hold.ts'
import { recordTransactions, TransactionRequest } from '../../commands/record-transactions.ts'
import { ReversalRequest, reverseTransaction } from '../../commands/reverse-transaction.ts'
import { voidHold } from '../../commands/void-hold.ts'
import { MetadataChanges } from '../../domain/metadata.ts'
import type { RejectionCode } from '../../domain/rejection.ts'
import { GetTransaction, getTransaction } from '../../queries/get-transaction.ts'
import { ListTransactions, listTransactions } from '../../queries/list-transactions.ts'
import {
  SettlementResource,
  TransactionMetadataAnswer,
  TransactionResource,
} from '../../queries/resources.ts'
import {
  batchReply,
  headersOf,
  settlementReply,
  transactionMetadataAnswer,
  transactionReply,
} from '../answers.ts'
import { atomic, batchResults } from '../batch.ts'
import type { Dependencies } from '../dependencies.ts'
import { BookPath, bookIdOf, TransactionPath, transactionIdOf } from '../parameters.ts'
import { read } from '../read.ts'
import { type Route, route } from '../route.ts'

const tag = 'transactions'

const refusals: readonly RejectionCode[] = [
  'book_not_found',
  'account_not_found',
  'account_frozen',
  'account_closed',
  'transaction_id_taken',
  'unbalanced',
  'too_few_entries',
  'same_account',
  'currency_mismatch',
  'amount_out_of_range',
  'balance_out_of_range',
  'balance_too_low',
  'balance_too_high',
  'guard_failed',
  'reference_taken',
  'period_closed',
  'idempotency_key_reused',
]

const holdRefusals: readonly RejectionCode[] = [
  'book_not_found',
  'transaction_not_found',
  'not_pending',
  'hold_already_posted',
  'hold_already_voided',
  'hold_expired',
  'idempotency_key_reused',
]

const Batch = Type.Object(
  { transactions: Type.Array(TransactionRequest, { minItems: 1, maxItems: 1000 }), atomic },
  { additionalProperties: false },
)

const BatchResult = batchResults(['recorded', 'existing'], {
  id: Type.Optional(Type.String({ format: 'uuid' })),
})

export const transactionRoutes = (dependencies: Dependencies): Route[] => [
  route({
    method: 'get',
    address: '/v1/books/{book}/transactions',
    summary: 'List transactions with their entries',
    tag,
    schemas: { path: BookPath, query: ListTransactions },
    answers: { 200: Type.Array(TransactionResource) },
    refusals: ['book_not_found', 'account_not_found', 'invalid_cursor'],
    handle: (call) => read(dependencies, call, listTransactions, call.query),
  }),
  route({
    method: 'post',
    address: '/v1/books/{book}/transactions',
    summary: 'Record a transaction',
    description: 'Answers 200 if its id was recorded before with the same content.',
    tag,
    schemas: { path: BookPath, body: TransactionRequest },
    answers: { 201: TransactionResource, 200: TransactionResource },
    refusals,
    handle: async ({ path, body, execute }) => {
      const bookId = bookIdOf(path.book)
      const data = { transactions: [body], atomic: true }
      return transactionReply(await execute(recordTransactions, bookId, data), bookId)
    },
  }),
  route({
    method: 'post',
    address: '/v1/books/{book}/transactions/batch',
    summary: 'Record up to 1,000 transactions',
    description: 'Answers 201 if at least one was recorded, else 200.',
    tag,
    schemas: { path: BookPath, body: Batch },
    answers: { 201: BatchResult, 200: BatchResult },
    refusals: [...refusals, 'too_large'],
    handle: async ({ path, body: { transactions, atomic = true }, execute }) =>
      batchReply(
        await execute(recordTransactions, bookIdOf(path.book), {
          transactions,
          atomic,
          isBatch: true,
        }),
      ),
  }),
  route({
    method: 'get',
    address: '/v1/books/{book}/transactions/{transaction}',
    summary: 'Get a transaction with its entries',
    tag,
    schemas: { path: TransactionPath, query: GetTransaction },
    answers: { 200: TransactionResource },
    refusals: ['book_not_found', 'transaction_not_found'],
    handle: (call) =>
      read(dependencies, call, getTransaction, {
        ...call.query,
        transaction: call.path.transaction,
      }),
  }),
  route({
    method: 'patch',
    address: '/v1/books/{book}/transactions/{transaction}',
    summary: 'Change a transaction’s metadata',
    description: 'All else of it is for good. What its metadata were stays in the book’s history.',
    tag,
    schemas: {
      path: TransactionPath,
      body: Type.Object({ metadata: MetadataChanges }, { additionalProperties: false }),
    },
    answers: { 200: TransactionMetadataAnswer },
    refusals: [
      'book_not_found',
      'forbidden',
      'transaction_not_found',
      'too_much_metadata',
      'idempotency_key_reused',
    ],
    handle: async ({ path, body: { metadata }, execute }) => {
      const bookId = bookIdOf(path.book)
      const data = { transaction: transactionIdOf(path.transaction), metadata }
      const done = await execute(changeTransactionMetadata, bookId, data)
      return { headers: headersOf(done), data: transactionMetadataAnswer(done, bookId) }
    },
  }),
  route({
    method: 'post',
    address: '/v1/books/{book}/transactions/{transaction}/post',
    summary: 'Post a pending transaction, as a whole or in part',
    description:
      'An empty object posts all that is held. It takes effect at its own time, now if left out.',
    tag,
    schemas: { path: TransactionPath, body: HoldPosting },
    answers: { 200: SettlementResource },
    refusals: [
      ...holdRefusals,
      'account_not_found',
      'amount_exceeds_hold',
      'amount_out_of_range',
      'hold_needs_entries',
      'period_closed',
      'same_account',
      'too_few_entries',
      'unbalanced',
    ],
    handle: async ({ path, body, execute }) => {
      const bookId = bookIdOf(path.book)
      const data = { ...body, transaction: transactionIdOf(path.transaction) }
      return settlementReply(await execute(postHold, bookId, data), bookId)
    },
  }),
  route({
    method: 'post',
    address: '/v1/books/{book}/transactions/{transaction}/void',
    summary: 'Void a pending transaction: what is left of it is let go of',
    tag,
    schemas: { path: TransactionPath },
    answers: { 200: SettlementResource },
    refusals: holdRefusals,
    handle: async ({ path, execute }) => {
      const bookId = bookIdOf(path.book)
      const data = { transaction: transactionIdOf(path.transaction) }
      return settlementReply(await execute(voidHold, bookId, data), bookId)
    },
  }),
  route({
    method: 'post',
    address: '/v1/books/{book}/transactions/{transaction}/reverse',
    summary: 'Reverse what was posted of a transaction, by one that mirrors it',
    description: 'Once only. A reversal is a transaction, and can be reversed in turn.',
    tag,
    schemas: { path: TransactionPath, body: ReversalRequest },
    answers: { 201: TransactionResource },
    refusals: [
      'book_not_found',
      'transaction_not_found',
      'already_reversed',
      'not_posted',
      'period_closed',
      'forbidden',
      'account_frozen',
      'account_closed',
      'balance_out_of_range',
      'balance_too_low',
      'balance_too_high',
      'reference_taken',
      'idempotency_key_reused',
    ],
    handle: async ({ path, body, execute }) => {
      const bookId = bookIdOf(path.book)
      const data = { ...body, transaction: transactionIdOf(path.transaction) }
      return transactionReply(await execute(reverseTransaction, bookId, data), bookId)
    },
  }),
]
