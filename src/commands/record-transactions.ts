import Type, { type Static } from 'typebox'
import type { Account } from '../domain/account.ts'
import { type Book, exponentOf, findRevision, fork, remember } from '../domain/book.ts'
import { EntryRequest, TransferRequest } from '../domain/entry.ts'
import {
  onlyExisting,
  type RecordedTransaction,
  type TransactionsRecorded,
} from '../domain/events/transactions-recorded.ts'
import { putTransaction } from '../domain/evolve.ts'
import { DateOrInstant, toInstant } from '../domain/instant.ts'
import type { Mention } from '../domain/lookup.ts'
import { Metadata } from '../domain/metadata.ts'
import { OnClosedPeriod } from '../domain/period.ts'
import { checkReference, Reference } from '../domain/reference.ts'
import { type Rejection, reject } from '../domain/rejection.ts'
import { checkTransaction, hasSameContent } from '../domain/transaction.ts'
import { atItem } from './at-item.ts'
import { accepted, type Circumstances, command, type Decision, refused } from './command.ts'
import { referenceMention, transactionIn, transactionMention } from './find-transaction.ts'

export const TransactionRequest = Type.Object(
  {
    id: Type.Optional(
      Type.String({
        format: 'uuid',
        description: 'Chosen by the client: sent again with the same content, nothing is doubled',
      }),
    ),
    status: Type.Optional(
      Type.Union([Type.Literal('posted'), Type.Literal('pending')], {
        description: 'posted, if left out; a pending one is a hold, to be posted or voided later',
      }),
    ),
    effective_at: Type.Optional(DateOrInstant),
    on_closed_period: Type.Optional(OnClosedPeriod),
    expires_at: Type.Optional(
      Type.String({
        format: 'instant',
        description: 'Of a pending one: what is left of it then is let go of',
      }),
    ),
    reference: Type.Optional(Reference),
    description: Type.Optional(Type.String({ maxLength: 1000 })),
    metadata: Type.Optional(Metadata),
    entries: Type.Optional(Type.Array(EntryRequest, { maxItems: 5000 })),
    transfers: Type.Optional(
      Type.Array(TransferRequest, {
        maxItems: 2500,
        description: 'Shorthand: each credits `from` and debits `to`',
      }),
    ),
  },
  { additionalProperties: false },
)
export type TransactionRequest = Static<typeof TransactionRequest>

const RecordTransactions = Type.Object({
  transactions: Type.Array(TransactionRequest, { minItems: 1, maxItems: 1000 }),
  /** All or none; else each item stands for itself. */
  atomic: Type.Boolean(),
  /** Whether the request named them in a list, maybe of one. */
  isBatch: Type.Optional(Type.Boolean()),
})
type RecordTransactions = Static<typeof RecordTransactions>

export const recordTransactions = command({
  name: 'RecordTransactions',
  data: RecordTransactions,
  roles: ['owner', 'bookkeeper'],
  idsFor: ({ transactions }) => transactions.length,
  mentions: ({ transactions }) => {
    const mentions: Mention[] = []
    for (const { id, reference } of transactions) {
      if (id !== undefined) mentions.push(transactionMention(id))
      if (reference !== undefined) mentions.push(referenceMention(reference))
    }
    return mentions
  },

  decide: (data, book, circumstances) => {
    const recorded = recordEach(data, book, circumstances)
    return 'code' in recorded ? refused(recorded) : settle(recorded, circumstances)
  },
})

type Outcome = {
  -readonly [Key in keyof TransactionsRecorded['data']]: TransactionsRecorded['data'][Key]
}

/** What became of the items; `after` is a fork of the book with all of them in it. */
type RecordedItems = { readonly outcome: Outcome; readonly after: Book | null }

const recordEach = (
  { transactions, atomic, isBatch = transactions.length > 1 }: RecordTransactions,
  book: Book,
  circumstances: Circumstances,
): RecordedItems | Rejection => {
  const { length } = transactions
  // Nothing is decided after a single one, so that nobody need see what it does.
  const after = length === 1 ? null : fork(book)
  const recorded: RecordedTransaction[] = []
  const refusedItems: Outcome['refused'][number][] = []
  const existing: Outcome['existing'][number][] = []
  const exponents: Record<string, number> = {}
  for (const [index, request] of transactions.entries()) {
    const result = recordOne(request, index, after ?? book, circumstances, recorded)
    if ('code' in result) {
      if (atomic) {
        return isBatch ? atItem(result, `Transaction ${index}`, `/transactions/${index}`) : result
      }
      refusedItems.push({ ...result, index })
    } else if ('existing' in result) {
      existing.push({ id: result.existing, index })
    } else {
      const { transaction, accounts } = result
      recorded.push(transaction)
      if (after) addTo(after, transaction, accounts, request)
      for (const { currency } of transaction.entries) {
        exponents[currency] ??= exponentOf(book, currency) as number
      }
    }
  }
  return { outcome: { transactions: recorded, refused: refusedItems, existing, exponents }, after }
}

/** Lets the items behind it see a transaction. None can name an id that was not chosen. */
const addTo = (
  book: Book,
  transaction: RecordedTransaction,
  accounts: readonly Account[],
  { id: chosen }: TransactionRequest,
): void => {
  const revision = book.revision + 1
  const { id, reference } = transaction
  if (chosen !== undefined) remember(book, 'transaction', id, revision)
  if (reference !== undefined) remember(book, 'reference', reference, revision)
  putTransaction(book, transaction, accounts, revision)
}

type RecordedOne = {
  readonly transaction: RecordedTransaction
  /** As it leaves them. */
  readonly accounts: readonly Account[]
}

const recordOne = (
  request: TransactionRequest,
  index: number,
  book: Book,
  { now, ids, eventOf }: Circumstances,
  earlier: readonly RecordedTransaction[],
): RecordedOne | Rejection | { existing: string } => {
  const chosen = request.id === undefined ? null : transactionMention(request.id)
  const id = chosen?.key ?? (ids[index] as string)
  if (chosen && findRevision(book, chosen.kind, id) !== undefined) {
    const known = transactionIn(eventOf(chosen), id) ?? earlier.find((one) => one.id === id)
    if (!known) throw new Error(`transaction ${id} is in the book but was not fetched`)
    return hasSameContent(known, request, book)
      ? { existing: id }
      : reject('transaction_id_taken', `Transaction ${id} is there with other content.`, [{ id }])
  }
  const checked = checkTransaction(request, book, now)
  if ('code' in checked) return checked
  const { requestedAt, accounts } = checked
  const { reference, expires_at } = request
  const taken = reference === undefined ? null : checkReference(reference, book)
  if (taken) return taken
  // In the order of the names: see `canonical`.
  const transaction: RecordedTransaction = {
    description: request.description ?? null,
    effective_at: checked.effectiveAt,
    entries: checked.entries,
    ...(expires_at !== undefined && { expires_at: toInstant(Date.parse(expires_at)) }),
    id,
    index,
    metadata: request.metadata ?? {},
    ...(reference !== undefined && { reference }),
    ...(requestedAt !== null && { requested_effective_at: requestedAt }),
    status: request.status ?? 'posted',
  }
  return { transaction, accounts }
}

const settle = (
  { outcome: data, after }: RecordedItems,
  { isKeyed, eventOf }: Circumstances,
): Decision => {
  const event: TransactionsRecorded = { type: 'TransactionsRecorded', data }
  if (data.transactions.length > 0) return accepted(event, { after })
  const id = onlyExisting(event)
  const recorded = (id !== null && eventOf(transactionMention(id))) || null
  // A key is bound to its request even where there is nothing else to store.
  return isKeyed ? accepted(event, { shown: recorded }) : { kind: 'answered', event, recorded }
}
