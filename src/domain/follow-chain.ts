import { genesis, hashEvent } from './chain.ts'
import type { EventMetadata } from './events/event.ts'
import { type BookEvent, eventTypes } from './events/index.ts'
import type { StoredEvent } from './upcast.ts'

/** How far a book's chain was followed and found whole. */
export type Followed = {
  /** Of the last event; -1 before the first. */
  readonly revision: number
  readonly hash: string
  /** Of the last event, in ms since 1970. */
  readonly recordedAt: number
}

/** Why a chain is not whole at an event, and what is to be seen there. */
export type Broken = {
  readonly why: 'order' | 'predecessor' | 'hash' | 'unreadable'
  readonly message: string
}

export const beforeFirst = (bookId: string): Followed => ({
  revision: -1,
  hash: genesis(bookId),
  recordedAt: 0,
})

/** The chain with one more event, exactly as it is stored; or why it cannot be that one. */
export const follow = (before: Followed, stored: StoredEvent): Followed | Broken => {
  const { revision, id } = stored
  if (revision !== before.revision + 1) {
    return broken('order', `Revision ${revision} comes after ${before.revision}.`)
  }
  if (!Object.hasOwn(eventTypes, stored.type)) {
    return broken('unreadable', `This release knows no events of type ${stored.type}.`)
  }
  const metadata = stored.metadata as Partial<EventMetadata> | null | undefined
  const { hash, previous_hash, recorded_at, command_id } = metadata ?? {}
  if (previous_hash !== before.hash) {
    return broken(
      'predecessor',
      `It names ${previous_hash} as its predecessor, not ${before.hash}.`,
    )
  }
  const computed = hashOf(stored)
  if (computed === null || computed !== hash) {
    return broken('hash', `Its content has the hash ${computed ?? 'of no event'}, not ${hash}.`)
  }
  // The id alone is not part of what is hashed.
  if (command_id !== id) return broken('hash', `Its id is ${id}, and it was made by ${command_id}.`)
  const recordedAt = Date.parse(recorded_at ?? '')
  if (!(recordedAt >= before.recordedAt)) {
    return broken('order', `It was recorded at ${recorded_at}, before the event before it.`)
  }
  return { revision, hash, recordedAt }
}

/** Null for what could not even be hashed. */
const hashOf = ({ type, data, metadata }: StoredEvent): string | null => {
  try {
    return hashEvent({ type, data } as BookEvent, metadata as EventMetadata)
  } catch {
    return null
  }
}

const broken = (why: Broken['why'], message: string): Broken => ({ why, message })
