import { LRUCache } from 'lru-cache'
import type { Recorded } from '../../domain/events/index.ts'
import {
  bookOf,
  type EventStore,
  firstPlace,
  type LoggedEvent,
  OtherLog,
  type Place,
} from '../event-store.ts'
import { begunAfter } from '../single-flight.ts'
import { type Page, pageReader, type ReadPage } from './page.ts'

/** The last event of a book that was seen. */
export type Head = { readonly revision: number; readonly hash: string }

/** What stands in the whole log after a place: heads of books, by their ids. */
export type Scanned = {
  readonly heads: ReadonlyMap<string, Head>
  /** Of the last event, or the one after which there is none. */
  readonly place: Place
  readonly isEnd: boolean
}

/** Throws `OtherLog` where the log has not the event at that place any more. */
export type Scan = (after: Place) => Promise<Scanned>

export type Tail = {
  /** The next events of a book: those that the tail has, or else those of the book's own stream. */
  readonly read: ReadPage
  /** What the tail knows of the log after a place, or else what the log says. */
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
/** Events whose places are known: a scan goes on from one of them. */
const keptPlaces = 20_000
/** A pull reads the event before it once more, so it should read others besides. */
const leastEvents = 8

/**
 * The last events of the whole log, which pages of all books and the sweep take from it: so a worker
 * reads each event once. It begins where a scan came to the end of the log, reads on only when a page
 * or a scan needs more than it has, and ends when that fails or shows another log.
 *
 * It is a shortcut, and never the judge. What it does not have, or what does not follow in its book's
 * chain, is read from the book's own stream; what came before its beginning is scanned in the log.
 *
 * It keeps the events of 8 MiB of the log, in up to twice as much memory, and how far so many books
 * have come, in some 1 MiB, and the places of the last events, in some 4 MiB.
 */
export const tailOf = (log: Log, keptHeads = 2_000): Tail => {
  const events = new LRUCache<string, LoggedEvent>({ maxSize: keptBytes })
  /** From where to `end` the log is known; null until it is. */
  let start: bigint | null = null
  /** Of every book with events after `start`. */
  const heads = new LRUCache<string, Head & { readonly position: bigint }>({
    max: keptHeads,
    dispose: ({ position }, _bookId, reason) => {
      if (reason === 'evict') start = position
    },
  })
  /** Ids of the last events, by their positions. */
  const places = new LRUCache<bigint, string>({ max: keptPlaces })
  let end = firstPlace
  let pullEvents = mostEvents

  const forget = (): void => {
    events.clear()
    heads.clear()
    places.clear()
    start = null
  }

  const begin = (at: Place): void => {
    forget()
    start = at.position
    end = at
    if (at.eventId !== null) places.set(at.position, at.eventId)
  }

  const add = (event: LoggedEvent): void => {
    const { position, revision, id } = event
    const size = Number(position - end.position)
    // While this was read it may have ended, or begun again further on.
    if (start === null || size <= 0) return
    end = { position, eventId: id }
    places.set(position, id)
    const bookId = bookOf(event.stream)
    if (bookId === null) return
    events.set(keyOf(bookId, revision), event, { size })
    heads.set(bookId, { revision, hash: hashOf(event), position })
  }

  const pullOnce = async (): Promise<boolean> => {
    const limit = pullEvents
    const from = end
    let found = 0
    try {
      for await (const event of log.readAll(from, limit)) {
        found++
        add(event)
      }
    } catch (error) {
      // It is an older copy, in which what is kept never was, or may come back as one.
      forget()
      if (error instanceof OtherLog) return true
      throw error
    }
    const fitting = Math.floor((windowBytes * found) / Number(end.position - from.position))
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
    revision <= (heads.peek(bookId)?.revision ?? -1)

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

  const covers = ({ position, eventId }: Place): boolean =>
    start !== null && start <= position && eventId !== null && places.peek(position) === eventId

  return {
    read: async (bookId, from, limit) => {
      const page = await pageOfTail(bookId, from, limit).catch(() => null)
      return page ?? pageOfStream(bookId, from, limit)
    },
    scan: async (after) => {
      const isEnd = covers(after) && (await pull())
      if (covers(after)) {
        const news = [...heads.entries()].filter(([, head]) => head.position > after.position)
        return { heads: new Map(news), place: end, isEnd }
      }
      const scanned = await scanLog(log, after)
      if (scanned.isEnd && (start === null || after.position > end.position)) begin(scanned.place)
      return scanned
    },
  }
}

const keyOf = (bookId: string, revision: number): string => `${bookId} ${revision}`

const hashOf = ({ metadata }: LoggedEvent): string => (metadata as Recorded['metadata']).hash

/** The same of a log of which nothing is kept. */
export const scanLog = async (log: Pick<Log, 'readAll'>, after: Place): Promise<Scanned> => {
  const heads = new Map<string, Head>()
  let place = after
  let count = 0
  for await (const event of log.readAll(after, mostEvents)) {
    const { stream, revision, position, id } = event
    const bookId = bookOf(stream)
    if (bookId !== null) heads.set(bookId, { revision, hash: hashOf(event) })
    place = { position, eventId: id }
    count++
  }
  return { heads, place, isEnd: count < mostEvents }
}
