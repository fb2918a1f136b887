import type { Recorded } from '../../domain/events/index.ts'
import { type StoredEvent, upcast } from '../../domain/upcast.ts'
import type { EventStore } from '../event-store.ts'

export type Checkpoint = {
  readonly revision: number
  readonly eventHash: string
  readonly epoch: number
  /** Revisions that are left out by somebody's order. */
  readonly skipped: ReadonlySet<number>
}

export type Page = {
  readonly bookId: string
  /** The checkpoint that the page was read from. */
  readonly from: Checkpoint
  readonly events: readonly Recorded[]
  /** Of the last event in the whole log. */
  readonly position: bigint
  /** The checkpoint that applying it leaves. */
  readonly next: Checkpoint
  /** Whether it was cut short, so that more is sure to follow. */
  readonly isCut: boolean
  /** Whether it has as many transactions as a page may: it is part of a backlog of batches. */
  readonly isFull: boolean
}

/** A page ends at this many events or, because one may hold a batch, this many transactions. */
const maxPageEvents = 1_000
const maxPageItems = 4_000

/** An event that cannot be folded. It halts its book in this build, and no other. */
export class Poison extends Error {
  override readonly name = 'Poison'
  readonly revision: number
  readonly eventId: string | null
  /** Whether the book could go on without the event. A log that is another cannot be helped so. */
  readonly isSkippable: boolean

  constructor(revision: number, eventId: string | null, cause: Error, isSkippable = true) {
    super(cause.message, { cause })
    this.revision = revision
    this.eventId = eventId
    this.isSkippable = isSkippable
  }
}

/** The next events of a book, at most `limit`; null if there are none. */
export type ReadPage = (bookId: string, from: Checkpoint, limit: number) => Promise<Page | null>

/** Each event is checked to follow the one before it in the book's chain. */
export const pageReader =
  (store: Pick<EventStore, 'readBook'>): ReadPage =>
  async (bookId, from, limit) => {
    const events: Recorded[] = []
    const maxCount = Math.min(limit, maxPageEvents)
    let position = -1n
    let items = 0
    let isCut = false
    let isFull = false
    let { revision, eventHash } = from
    for await (const logged of store.readBook(bookId, from.revision + 1, maxCount)) {
      const event = decode(logged, revision + 1, eventHash, from.skipped)
      if (event instanceof Poison) {
        // What stands before an event that cannot be read is folded all the same.
        if (events.length === 0) throw event
        isCut = true
        break
      }
      events.push(event)
      position = logged.position
      revision = event.revision
      eventHash = event.metadata.hash
      items += event.type === 'TransactionsRecorded' ? event.data.transactions.length : 1
      isFull = items >= maxPageItems
      isCut = isFull || events.length >= maxCount
      if (isCut) break
    }
    if (events.length === 0) return null
    const next = { ...from, revision, eventHash }
    return { bookId, from, events, position, next, isCut, isFull }
  }

const decode = (
  logged: StoredEvent,
  revision: number,
  previousHash: string,
  skipped: ReadonlySet<number>,
): Recorded | Poison => {
  const poison = (error: Error, isSkippable: boolean) =>
    new Poison(revision, logged.id, error, isSkippable)
  const { metadata } = logged as Recorded
  if (logged.revision !== revision) {
    return poison(new Error(`revision ${revision} is missing in the log`), false)
  }
  if (metadata.previous_hash !== previousHash) {
    return poison(new Error('the event does not follow the one before it in the log'), false)
  }
  try {
    // Nobody looks at more of one that is left out than its place in the chain.
    return skipped.has(revision) ? (logged as Recorded) : upcast(logged)
  } catch (error) {
    return poison(error as Error, true)
  }
}

/**
 * Gives the page that was read last to whoever asks for the same, of one book: reading and decoding
 * an event costs as much as folding it. Builds that go on side by side stand at the same events.
 */
export const readOnce = (read: ReadPage): ReadPage => {
  let last: Promise<Page | null> | undefined
  let lastKey = ''
  return (bookId, from, limit) => {
    // Others may have been told to leave out other events.
    if (from.skipped.size > 0) return read(bookId, from, limit)
    const key = `${from.revision} ${from.eventHash} ${limit}`
    if (!last || key !== lastKey) {
      lastKey = key
      last = read(bookId, from, limit)
    }
    return last
  }
}
