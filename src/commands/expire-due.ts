import { type Book, dueHolds, exponentsOf } from '../domain/book.ts'
import type { HoldExpired } from '../domain/events/hold-expired.ts'
import type { Recorded } from '../domain/events/index.ts'
import { evolve } from '../domain/evolve.ts'
import { type Hold, released } from '../domain/hold.ts'
import { derivedId } from '../domain/ids.ts'
import { encodedBytes } from './encoded.ts'
import type { Received } from './received.ts'
import { seal } from './seal.ts'

/** Nobody: who does what happens because its time has come. */
export const time = '00000000-0000-0000-0000-000000000000'

const maxExpired = 500
const maxBytes = 500 * 1024

export type Expiry = {
  readonly events: readonly Recorded[]
  readonly bytes: number
  /** Whether nothing that is due is left. */
  readonly isDone: boolean
}

/**
 * Lets the holds expire that are over at `now`, the earliest first and as many as fit a group; so
 * nothing is ever decided on a hold past its time. Their events' ids follow from the command at
 * hand: another process lets the same hold expire under another id, and one of the two appends
 * fails, as it must.
 */
export const expireDue = (book: Book, atHand: Received, now: number): Expiry => {
  const events: Recorded[] = []
  let bytes = 0
  for (const hold of dueHolds(book, now)) {
    if (events.length === maxExpired || bytes > maxBytes) return { events, bytes, isDone: false }
    const event = expire(hold, book, atHand, now)
    evolve(book, event)
    events.push(event)
    bytes += encodedBytes(event)
  }
  return { events, bytes, isDone: true }
}

const expire = (hold: Hold, book: Book, atHand: Received, now: number): Recorded => {
  const event: HoldExpired = {
    type: 'HoldExpired',
    data: {
      effective_at: hold.effectiveAt,
      entries: released(hold),
      exponents: exponentsOf(book, hold.entries),
      transaction: hold.id,
    },
  }
  const { commandId, correlationId } = atHand
  const id = derivedId('hold expires', commandId, hold.id)
  return seal(event, { actor: time, commandId: id, correlationId, key: null, salt: '' }, book, now)
}
