import type { Recorded } from '../domain/events/index.ts'
import type { RecordedTransaction } from '../domain/events/transactions-recorded.ts'
import type { Mention } from '../domain/lookup.ts'
import { type Rejection, reject } from '../domain/rejection.ts'

export const transactionMention = (id: string): Mention => ({
  kind: 'transaction',
  key: id.toLowerCase(),
})

export const referenceMention = (reference: string): Mention => ({
  kind: 'reference',
  key: reference,
})

/** The transaction as this event recorded it. */
export const transactionIn = (
  event: Recorded | undefined,
  id: string,
): RecordedTransaction | undefined =>
  event?.type === 'TransactionsRecorded'
    ? event.data.transactions.find((one) => one.id === id)
    : undefined

export const transactionNotFound = (id: string): Rejection =>
  reject('transaction_not_found', `There is no transaction ${id} in this book.`)
