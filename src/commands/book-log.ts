import type { Recorded } from '../domain/events/index.ts'
import type { StoredEvent } from '../domain/upcast.ts'

/**
 * What no further attempt can mend: the events are more than the store takes at once, the stream
 * was deleted for good, or whoever we are may not write to it.
 */
export type AppendRefusal = 'too_large' | 'deleted' | 'denied'

export type Appended =
  | { readonly kind: 'appended' }
  /** The book is not at the expected revision: nothing was stored. */
  | { readonly kind: 'wrong_revision' }
  /** The store will not take this: nothing of it was stored by this attempt. */
  | { readonly kind: 'refused'; readonly why: AppendRefusal }
  /** No answer came. It may have been stored, or may yet be. */
  | { readonly kind: 'unknown'; readonly error: Error }

/** The last event of a book; revision -1 and no hash where there is none. */
export type LogHead = { readonly revision: number; readonly hash: string | null }

/** What a writer needs of an event store: one stream a book, appended to at a known revision. */
export type BookLog = {
  /**
   * `expected` is the revision of the last event, -1 for none. All events are stored, or none. A log
   * that was away may be another when it comes back, an older copy that was written on otherwise: then
   * what stands at that revision is not what the first event follows, and it is the wrong one.
   */
  readonly append: (
    bookId: string,
    expected: number,
    events: readonly Recorded[],
  ) => Promise<Appended>
  /** Events from a revision on, in order; none for a book that does not exist. */
  readonly read: (bookId: string, from: number, limit?: number) => AsyncIterable<StoredEvent>
  readonly head: (bookId: string) => Promise<LogHead>
}
