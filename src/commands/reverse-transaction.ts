import Type, { type Static } from 'typebox'
import { type Book, exponentsOf, findHold } from '../domain/book.ts'
import type { Direction } from '../domain/entry.ts'
import type { RecordedEntry } from '../domain/events/transactions-recorded.ts'
import { DateOrInstant } from '../domain/instant.ts'
import { Metadata } from '../domain/metadata.ts'
import { OnClosedPeriod } from '../domain/period.ts'
import { checkReference, Reference } from '../domain/reference.ts'
import { type Rejection, reject } from '../domain/rejection.ts'
import { checkTransaction } from '../domain/transaction.ts'
import { accepted, type Circumstances, command, refused } from './command.ts'
import { holdMentions } from './find-hold.ts'
import {
  referenceMention,
  transactionIn,
  transactionMention,
  transactionNotFound,
} from './find-transaction.ts'

export const ReversalRequest = Type.Object(
  {
    effective_at: Type.Optional(
      Type.Union([Type.Literal('original'), DateOrInstant], {
        description: 'Now, if left out; `original`: when the transaction counts that is reversed',
      }),
    ),
    on_closed_period: Type.Optional(OnClosedPeriod),
    description: Type.Optional(Type.String({ maxLength: 1000 })),
    reference: Type.Optional(Reference),
    metadata: Type.Optional(Metadata),
    force: Type.Optional(
      Type.Boolean({ description: 'By an owner: though it goes beyond the limits of an account' }),
    ),
  },
  { additionalProperties: false },
)

const ReverseTransaction = Type.Object(
  {
    transaction: Type.String({ format: 'uuid', description: 'Id of what is to be reversed' }),
    ...ReversalRequest.properties,
  },
  { additionalProperties: false },
)
type ReverseTransaction = Static<typeof ReverseTransaction>

/** What counts of a transaction, and from when on. */
type Posted = { readonly entries: readonly RecordedEntry[]; readonly effectiveAt: string }

/** Takes back what was posted of a transaction: by one that mirrors it, and once only. */
export const reverseTransaction = command({
  name: 'ReverseTransaction',
  data: ReverseTransaction,
  roles: ['owner', 'bookkeeper'],
  idsFor: () => 1,
  mentions: ({ transaction, reference }) => [
    ...holdMentions(transaction),
    { kind: 'reversal', key: transaction.toLowerCase() },
    ...(reference === undefined ? [] : [referenceMention(reference)]),
  ],

  decide: (data, book, circumstances) => {
    const { now, ids, isByOwner } = circumstances
    const { effective_at, on_closed_period, reference, force = false } = data
    const posted = findPosted(data, book, circumstances)
    if ('code' in posted) return refused(posted)
    if (force && !isByOwner) {
      return refused(reject('forbidden', 'Only an owner may go beyond limits. Leave force out.'))
    }
    const when = effective_at === 'original' ? posted.effectiveAt : effective_at
    const content = {
      entries: mirrored(posted),
      ...(when && { effective_at: when }),
      ...(on_closed_period && { on_closed_period }),
    }
    const checked = checkTransaction(content, book, now, force)
    if ('code' in checked) return refused(checked)
    const taken = reference === undefined ? null : checkReference(reference, book)
    if (taken) return refused(taken)
    const reversal = {
      description: data.description ?? null,
      effective_at: checked.effectiveAt,
      entries: checked.entries,
      id: ids[0] as string,
      index: 0,
      metadata: data.metadata ?? {},
      ...(reference !== undefined && { reference }),
      ...(checked.requestedAt !== null && { requested_effective_at: checked.requestedAt }),
      reverses: data.transaction.toLowerCase(),
      status: 'posted',
    } as const
    const exponents = exponentsOf(book, checked.entries)
    return accepted({
      type: 'TransactionsRecorded',
      data: { transactions: [reversal], refused: [], existing: [], exponents },
    })
  },
})

/** What there is to reverse, or why there is nothing. */
const findPosted = (
  { transaction }: ReverseTransaction,
  book: Book,
  { eventOf }: Circumstances,
): Posted | Rejection => {
  const mention = transactionMention(transaction)
  const id = mention.key
  const recorded = transactionIn(eventOf(mention), id)
  if (!recorded) return transactionNotFound(transaction)
  const reversal = eventOf({ kind: 'reversal', key: id })
  if (reversal) {
    const { revision } = reversal
    const reason = `Transaction ${id} was reversed at revision ${revision}.`
    return reject('already_reversed', reason, [{ transaction: id, revision }])
  }
  if (recorded.status === 'posted') {
    return { entries: recorded.entries, effectiveAt: recorded.effective_at }
  }
  if (findHold(book, id)) return reject('not_posted', 'The transaction is pending. Void it.')
  const settlement = eventOf({ kind: 'settlement', key: id })
  if (!settlement || !('entries' in settlement.data) || !('transaction' in settlement.data)) {
    throw new Error(`hold ${id} is not open, and no event ends it`)
  }
  const { effective_at, entries } = settlement.data
  if (effective_at === null) return reject('not_posted', 'Nothing was posted of this hold.')
  const posted = entries
    .filter((entry) => entry.posted !== '0')
    .map(({ account, currency, direction, posted: amount }) => ({
      account,
      amount,
      currency,
      direction,
    }))
  return { entries: posted, effectiveAt: effective_at }
}

const mirrored = ({ entries }: Posted): RecordedEntry[] =>
  entries.map((entry) => ({ ...entry, direction: opposite[entry.direction] }))

const opposite: Readonly<Record<Direction, Direction>> = { debit: 'credit', credit: 'debit' }
