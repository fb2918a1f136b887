import type { HoldPosted } from '../../domain/events/hold-posted.ts'
import type {
  RecordedEntry,
  RecordedTransaction,
} from '../../domain/events/transactions-recorded.ts'
import { isKept } from '../../domain/hold.ts'
import type { Metadata } from '../../domain/metadata.ts'
import type { HistoryEvent } from './history.ts'
import type { Survey } from './survey.ts'

/** Something that stands in the books in the end, or is still held. */
export type Booked = {
  /** The id of its transaction; of a posting of a hold, with the revision that posted it. */
  readonly name: string
  readonly status: 'posted' | 'pending'
  readonly effectiveAt: string
  readonly expiresAt: string | null
  readonly revision: number
  /** Place among what its event booked. */
  readonly index: number
  readonly description: string | null
  /** Of the first that comes of a transaction: no two have the same. */
  readonly reference: string | null
  readonly metadata: Metadata
  readonly entries: readonly RecordedEntry[]
}

/**
 * What a history comes to, in the order in which it was recorded; what is still held, last. A hold
 * counts by its postings, and when they take effect; one that came to nothing is left out.
 */
export async function* bookedIn(
  events: AsyncIterable<HistoryEvent>,
  { changedMetadata }: Survey,
): AsyncGenerator<Booked> {
  const holds = new Map<string, Booked>()
  for await (const event of events) {
    if (event.type === 'TransactionsRecorded') {
      for (const [index, transaction] of event.data.transactions.entries()) {
        const metadata = changedMetadata.get(transaction.id) ?? transaction.metadata
        const booked = toBooked(transaction, metadata, event.revision, index)
        if (booked.status === 'pending') holds.set(booked.name, booked)
        else yield booked
      }
    }
    if (event.type === 'HoldPosted') {
      const hold = holds.get(event.data.transaction)
      if (!hold) throw new Error(`event ${event.revision} posts what is not held`)
      yield posting(hold, event)
      if (isKept(event.data.entries)) holds.set(hold.name, remainder(hold, event))
      else holds.delete(hold.name)
    }
    if (event.type === 'HoldVoided' || event.type === 'HoldExpired') {
      holds.delete(event.data.transaction)
    }
  }
  yield* holds.values()
}

const toBooked = (
  transaction: RecordedTransaction,
  metadata: Metadata,
  revision: number,
  index: number,
): Booked => ({
  name: transaction.id,
  status: transaction.status,
  effectiveAt: transaction.effective_at,
  expiresAt: transaction.expires_at ?? null,
  revision,
  index,
  description: transaction.description,
  reference: transaction.reference ?? null,
  metadata,
  entries: transaction.entries,
})

const posting = (hold: Booked, { data, revision }: HistoryEvent & HoldPosted): Booked => ({
  ...hold,
  name: `${hold.name}/${revision}`,
  status: 'posted',
  effectiveAt: data.effective_at,
  expiresAt: null,
  revision,
  index: 0,
  entries: data.entries.filter(({ amount }) => amount !== '0'),
})

const remainder = (hold: Booked, { data }: HoldPosted): Booked => ({
  ...hold,
  reference: null,
  entries: data.entries
    .filter(({ remaining }) => remaining !== '0')
    .map(({ remaining, ...entry }) => ({ ...entry, amount: remaining })),
})
