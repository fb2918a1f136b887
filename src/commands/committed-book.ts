import { type Book, emptyBook, fork, merge, sizeOf } from '../domain/book.ts'
import type { Recorded } from '../domain/events/index.ts'
import { evolve } from '../domain/evolve.ts'
import {
  packBook,
  type Snapshot,
  type SnapshotHead,
  unpackBook,
} from '../domain/snapshot/book-snapshot.ts'
import { upcast } from '../domain/upcast.ts'
import type { BookLog, LogHead } from './book-log.ts'
import type { SnapshotStore } from './snapshot-store.ts'

type Options = {
  readonly log: BookLog
  readonly snapshots: SnapshotStore
  readonly limits: { readonly window: number; readonly snapshotEvery: number }
  /** Lets whatever else waits have its turn, if it is time for that. */
  readonly pause: () => Promise<void> | null
  readonly warn: (message: string, details: object) => void
}

/** What a writer knows of its book that is in the log for certain. */
export type CommittedBook = {
  readonly now: () => Book
  /** Reads all of it the first time: from a snapshot, and what came after that from the log. */
  readonly load: () => Promise<void>
  /** Reads what others have appended. */
  readonly catchUp: () => Promise<void>
  /** Forgets everything. It is read anew when it is next asked for. */
  readonly doubt: () => void
  /** Puts a decided group's book into this one, once its events are stored. */
  readonly commit: (top: Book, events: readonly Recorded[]) => void
  /** To be called when no book stands on this one: it may be exchanged for a smaller equal. */
  readonly settle: () => void
  /** Stores a snapshot if enough is new since the last one. */
  readonly keep: () => Promise<void>
  /** Bytes of memory, roughly. */
  readonly bytes: () => number
}

/** So many transactions are worth a mebibyte of snapshot. */
const newsAMebibyte = 500
/** A book that is let go of is worth a snapshot if so much is new. */
const worthKeeping = 0.1
/** While a book is read from the log it is packed more seldom, and not stored. */
const whileReading = 2

export const committedBook = (bookId: string, options: Options): CommittedBook => {
  const { log, snapshots, limits, pause, warn } = options
  const empty = () => emptyBook(bookId, limits.window)
  let book = empty()
  let isLoaded = false
  /** Transactions and the like since the last snapshot was stored. */
  let news = 0
  /** The same since it was packed, which takes as much as `packedBytes` and leaves that. */
  let unpacked = 0
  let packedBytes = 0
  let isStoring = false
  /** A smaller equal of the book that `book` stands on. */
  let smaller: { readonly of: Book; readonly book: Book } | null = null

  /** A large book is worth its snapshot after more. */
  const every = () =>
    Math.max(limits.snapshotEvery, newsAMebibyte * Math.floor(packedBytes / 2 ** 20))

  const readSnapshot = async (head: SnapshotHead): Promise<Book | null> => {
    let event: Recorded | null = null
    for await (const stored of log.read(bookId, head.revision, 1)) event = upcast(stored)
    try {
      if (event?.metadata.hash !== head.hash) throw new Error('the log has no such event')
      const found = await paced(unpackBook(await snapshots.read(head), limits.window), pause)
      packedBytes = sizeOf(found)
      return found
    } catch (error) {
      const { revision } = head
      warn('snapshot skipped', { book: bookId, revision, error: (error as Error).message })
      return null
    }
  }

  const newestSnapshot = async (): Promise<Book> => {
    try {
      for (const head of await snapshots.list(bookId)) {
        const found = await readSnapshot(head)
        if (found) return found
      }
    } catch (error) {
      warn('no snapshot can be read', { book: bookId, error: (error as Error).message })
    }
    return empty()
  }

  const readLog = async (): Promise<void> => {
    for await (const stored of log.read(bookId, book.revision + 1)) {
      const event = upcast(stored)
      if (event.metadata.previous_hash !== book.hash) {
        throw new Error(`event ${event.id} does not follow revision ${book.revision} as known here`)
      }
      evolve(book, event)
      count(event)
      if (isLoaded || unpacked < whileReading * every()) continue
      await pack()
      settle()
    }
  }

  const load = async (): Promise<void> => {
    if (isLoaded) return
    if (book.revision < 0) book = await newestSnapshot()
    await readLog()
    isLoaded = true
  }

  /** Nothing new to read after a conflict means that the log has lost what we knew. */
  const catchUp = async (): Promise<void> => {
    const before = book.revision
    await readLog()
    if (book.revision !== before) return
    const head = await log.head(bookId)
    if (head.revision > before || isHead(head, book)) return
    const details = { book: bookId, known: before, found: head.revision }
    warn('the log has lost what this writer knew: reading the book anew', details)
    doubt()
    await load()
  }

  const doubt = () => {
    book = empty()
    isLoaded = false
    smaller = null
    news = unpacked = packedBytes = 0
  }

  const count = (event: Recorded): void => {
    const added = newsOf(event)
    news += added
    unpacked += added
  }

  /**
   * Packs what is committed now, while commits go on into a layer above it. The snapshot shows one
   * revision and nothing of what came later. Null where the book was doubted meanwhile.
   */
  const pack = async (): Promise<Snapshot | null> => {
    settle()
    const frozen = book
    if (frozen.below) return null
    book = fork(frozen)
    unpacked = 0
    try {
      const packed = await paced(packBook(frozen), pause)
      if (book.below !== frozen) return null
      smaller = { of: frozen, book: packed.book }
      packedBytes = sizeOf(packed.book)
      return packed.snapshot
    } catch (error) {
      // What was committed meanwhile goes into the frozen book itself.
      smaller = { of: frozen, book: frozen }
      throw error
    }
  }

  const store = async (): Promise<void> => {
    if (isStoring) return
    isStoring = true
    const before = news
    news = 0
    try {
      const snapshot = await pack()
      if (snapshot) await snapshots.save(snapshot)
    } catch (error) {
      news += before
      warn('snapshot not kept', { book: bookId, error: (error as Error).message })
    } finally {
      isStoring = false
    }
  }

  const settle = () => {
    if (!smaller || book.below !== smaller.of) return
    merge(book, smaller.book)
    book = smaller.book
    smaller = null
  }

  return {
    now: () => book,
    load,
    catchUp,
    doubt,
    commit: (top, events) => {
      merge(top)
      for (const event of events) count(event)
      if (news >= every()) void store()
    },
    settle,
    keep: async () => {
      if (isLoaded && news > 0 && news >= every() * worthKeeping) await store()
    },
    bytes: () => sizeOf(book),
  }
}

/** Whether the log ends where the book does, with the same event. */
export const isHead = ({ revision, hash }: LogHead, book: Book): boolean =>
  revision === book.revision && (revision < 0 || hash === book.hash)

/** How much reading an event takes, in transactions. */
const newsOf = (event: Recorded): number => {
  if (event.type === 'TransactionsRecorded') return Math.max(1, event.data.transactions.length)
  return event.type === 'AccountsOpened' ? event.data.accounts.length : 1
}

/** Runs something step by step, and lets others have their turn in between. */
const paced = async <Result>(
  steps: Generator<undefined, Result>,
  pause: Options['pause'],
): Promise<Result> => {
  for (;;) {
    const step = steps.next()
    if (step.done) return step.value
    const pausing = pause()
    if (pausing) await pausing
  }
}
