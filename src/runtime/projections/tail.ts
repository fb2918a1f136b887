import { LRUCache } from 'lru-cache'
import { bookOf, type EventStore, type LoggedEvent } from '../event-store.ts'
import { begunAfter } from '../single-flight.ts'
import { type Page, pageReader, type ReadPage } from './page.ts'

/** What stands in the whole log after a position: heads of books, by their ids. */
export type Scanned = {
  readonly heads: ReadonlyMap<string, number>
  readonly position: bigint
  readonly isEnd: boolean
}

export type Scan = (after: bigint) => Promise<Scanned>

export type Tail = {
  /** The next events of a book: those that the tail has, or else those of the book's own stream. */
  readonly read: ReadPage
  /** What the tail knows of the log after a position, or else what the log says. */
  readonly scan: Scan
}

type Log = Pick<EventStore, 'readAll' | 'readBook'>

/** Events of one read of the log. */
const mostEvents = 1_000
/**
 * Of the log, in which positions are bytes: what one pull is to come to at most, some five batches of
 * 1,000; and what is kept.
 */
const windowBytes = 2 * 1024 ** 2
const keptBytes = 4 * windowBytes
/** A pull reads the event before it once more, so it should read others besides. */
const leastEvents = 8

/**
 * The last events of the whole log, which pages of all books and the sweep take from it: so a worker
 * reads each event once. It begins where a scan came to the end of the log, reads on only when a page
 * or a scan needs more than it has, and ends when that fails.
 *
 * It is a shortcut, and never the judge. What it does not have, or what does not follow in its book's
 * chain, is read from the book's own stream; what came before its beginning is scanned in the log.
 *
 * It keeps the events of 8 MiB of the log, in up to twice as much memory, and how far so many books
 * have come, in less than 1 MiB.
 */
export const tailOf = (log: Log, keptHeads = 2_000): Tail => {
  const events = new LRUCache<string, LoggedEvent>({ maxSize: keptBytes })
  /** Of every book with events after `start`, the one that was written to last at the end. */
  const heads = new Map<string, Pick<LoggedEvent, 'revision' | 'position'>>()
  /** The places between which the log is known; `start` is null until there are such. */
  let start: bigint | null = null
  let position = -1n
  let pullEvents = mostEvents

  const begin = (at: bigint): void => {
    events.clear()
    heads.clear()
    start = at
    position = at
  }

  const add = (event: LoggedEvent): void => {
    const size = Number(event.position - position)
    // While this was read it may have ended, or begun again further on.
    if (start === null || size <= 0) return
    position = event.position
    const bookId = bookOf(event.stream)
    if (bookId === null) return
    events.set(keyOf(bookId, event.revision), event, { size })
    heads.delete(bookId)
    heads.set(bookId, { revision: event.revision, position })
    for (const [oldest, head] of heads) {
      if (heads.size <= keptHeads) break
      heads.delete(oldest)
      start = head.position
    }
  }

  const pullOnce = async (): Promise<boolean> => {
    const limit = pullEvents
    const from = position
    let found = 0
    try {
      for await (const event of log.readAll(from, limit)) {
        found++
        add(event)
      }
    } catch (error) {
      // It may come back as an older copy, in which what is kept never was.
      start = null
      throw error
    }
    const fitting = Math.floor((windowBytes * found) / Number(position - from))
    if (found > 0) pullEvents = Math.max(leastEvents, Math.min(fitting, mostEvents))
    return found < limit
  }

  const flight = begunAfter<boolean>()
  /** Reads on, to the end of the log or a window; whether that was the end. */
  const pull = (): Promise<boolean> => flight('pull', pullOnce)

  async function* readKept(bookId: string, from: number, limit: number) {
    for (let revision = from; revision < from + limit; revision++) {
      const event = events.peek(keyOf(bookId, revision))
      if (!event) return
      yield event
    }
  }
  const pageOfKept = pageReader({ readBook: readKept })
  const pageOfStream = pageReader(log)

  const hasSeen = (bookId: string, revision: number): boolean =>
    revision <= (heads.get(bookId)?.revision ?? -1)

  const pageOfTail: ReadPage = async (bookId, from, limit): Promise<Page | null> => {
    if (start === null) return null
    const known = await pageOfKept(bookId, from, limit)
    if (known?.isCut) return known
    // A book that is so far behind would only be late for what a pull finds.
    if (!known && hasSeen(bookId, from.revision + 1)) return null
    const isEnd = await pull()
    const page = await pageOfKept(bookId, from, limit)
    if (!page) return null
    return { ...page, isCut: page.isCut || !isEnd || hasSeen(bookId, page.next.revision + 1) }
  }

  const covers = (after: bigint): boolean => start !== null && start <= after && after <= position

  return {
    read: async (bookId, from, limit) => {
      const page = await pageOfTail(bookId, from, limit).catch(() => null)
      return page ?? pageOfStream(bookId, from, limit)
    },
    scan: async (after) => {
      const isEnd = covers(after) && (await pull())
      if (covers(after)) {
        const news = [...heads].filter(([, head]) => head.position > after)
        return { heads: new Map(news.map(([id, { revision }]) => [id, revision])), position, isEnd }
      }
      const scanned = await scanLog(log, after)
      if (scanned.isEnd && (start === null || after > position)) begin(scanned.position)
      return scanned
    },
  }
}

const keyOf = (bookId: string, revision: number): string => `${bookId} ${revision}`

/** The same of a log of which nothing is kept. */
export const scanLog = async (log: Pick<Log, 'readAll'>, after: bigint): Promise<Scanned> => {
  const heads = new Map<string, number>()
  let position = after
  let count = 0
  for await (const { stream, revision, position: place } of log.readAll(after, mostEvents)) {
    const bookId = bookOf(stream)
    if (bookId !== null) heads.set(bookId, revision)
    position = place
    count++
  }
  return { heads, position, isEnd: count < mostEvents }
}
