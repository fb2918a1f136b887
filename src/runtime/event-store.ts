import { EventStoreDBClient } from '@eventstore/db-client'
import type { Appended, BookLog, LogHead } from '../commands/book-log.ts'
import { encode } from '../commands/encoded.ts'
import type { EventMetadata } from '../domain/events/event.ts'
import type { Recorded } from '../domain/events/index.ts'
import type { Proposed } from './append-request.ts'
import { type AppendStream, openAppendStream } from './append-stream.ts'
import { outsideOfHttp2 } from './outside-of-http2.ts'
import type { LoggedEvent, ReadWhat } from './read-message.ts'
import { readEvents, unreadable } from './read-stream.ts'

export type { LoggedEvent } from './read-message.ts'

/** Of an event in the whole log; its id is null where it is not known. Below zero: before the first. */
export type Place = { readonly position: bigint; readonly eventId: string | null }

export const firstPlace: Place = { position: -1n, eventId: null }

/** The log has not the event that was seen at a place: it is another, say an older copy. */
export class OtherLog extends Error {
  override readonly name = 'OtherLog'
}

export type EventStore = BookLog & {
  /** Events of all streams after a place, in the log's order. Throws `OtherLog`. */
  readonly readAll: (after: Place, limit: number) => AsyncIterable<LoggedEvent>
  readonly readBook: (bookId: string, from: number, limit: number) => AsyncIterable<LoggedEvent>
  /** The revision of the last event of a book, -1 for none. */
  readonly lastRevision: (bookId: string) => Promise<number>
  /** Throws `store_unavailable` if the store does not answer. */
  readonly ping: () => Promise<void>
  readonly close: () => Promise<void>
}

const prefix = 'book-'
const deadline = 3_000
/** How long the end of a client may take: the library may wait for streams that never end. */
const disposeMs = 1_000

const streamOf = (bookId: string): string => `${prefix}${bookId}`
export const bookOf = (stream: string): string | null =>
  stream.startsWith(prefix) ? stream.slice(prefix.length) : null

/**
 * EventStoreDB, a cluster or the embedded store, through its frozen client library. What is known
 * of the library's traps ends here and in `openAppendStream`: reads end when nothing has come for a
 * while, because they have no deadline of their own.
 */
export const connectEventStore = (url: string): EventStore => {
  const connections = renewableConnection(url)

  const append = async (
    bookId: string,
    expected: number,
    events: readonly Recorded[],
  ): Promise<Appended> => {
    const proposed = events.map(toProposed)
    const connection = connections.current()
    const follows = async () => {
      const [first] = events
      for await (const event of readBook(bookId, expected, 1)) {
        return headOf(event).hash === first?.metadata.previous_hash
      }
      return true
    }
    try {
      return await connection.appends.append(streamOf(bookId), expected, proposed, follows)
    } catch (error) {
      connections.doubt(connection)
      return { kind: 'unknown', error: error as Error }
    }
  }

  const read = (what: ReadWhat, missing?: () => void) => {
    const connection = connections.current()
    return readEvents(connection.client, what, {
      deadline,
      doubt: () => connections.doubt(connection),
      missing,
      isGone: () => connection.isGone,
    })
  }

  const readBook = (bookId: string, from: number, limit: number) =>
    read({ stream: streamOf(bookId), from, limit })

  async function* readAll({ position, eventId }: Place, limit: number) {
    const isStart = position < 0n
    // The event at the place comes once more, which tells whether the log is still the same.
    const from = isStart ? ('start' as const) : position
    let isSame = isStart
    for await (const event of read({ stream: null, from, limit: limit + 1 })) {
      if (isSame) yield event
      else if (event.position !== position || event.id !== (eventId ?? event.id)) break
      else isSame = true
    }
    if (!isSame) throw new OtherLog(`the log has not the event that was at ${position}`)
  }

  const head = async (bookId: string): Promise<LogHead> => {
    let last: LogHead = { revision: -1, hash: null }
    let isMissing = false
    const missing = () => {
      isMissing = true
    }
    const what = { stream: streamOf(bookId), from: 'end', limit: 1, isBackwards: true } as const
    // Read to its end: a read that is left early is cancelled, which costs more than it saves.
    for await (const event of read(what, missing)) last = headOf(event)
    // A read that ended early, without a word, must not pass for a book that is not there.
    if (last.revision < 0 && !isMissing) throw unreadable('it ended the read early')
    return last
  }

  return {
    append,
    read: (bookId, from, limit = Number.MAX_SAFE_INTEGER) => readBook(bookId, from, limit),
    head,
    lastRevision: async (bookId) => (await head(bookId)).revision,
    readBook,
    readAll,
    ping: async () => {
      const last = { stream: null, from: 'end', limit: 1, isBackwards: true } as const
      for await (const _ of read(last));
    },
    close: () => connections.close(),
  }
}

const headOf = ({ revision, metadata }: LoggedEvent): LogHead => ({
  revision,
  hash: (metadata as EventMetadata).hash,
})

const toProposed = (event: Recorded): Proposed => ({
  id: event.id,
  type: event.type,
  ...encode(event),
})

type Connection = {
  readonly client: EventStoreDBClient
  readonly appends: AppendStream
  /** Given up, with all that is read through it. */
  isGone: boolean
}

/** One that failed younger than this was made while nobody was there: another would be no better. */
const settledMs = 500

/**
 * The library's client, and another in its place once it leads nowhere: a connection may be dead
 * without anybody saying so, and gRPC waits ever longer before it connects again, up to two minutes.
 * It shares connections, and these waits, between clients of equal options, so no two are equal.
 */
const renewableConnection = (url: string) => {
  let made = 0
  const make = (): Connection => {
    const keepAliveInterval = 10_000 + (made++ % 10_000)
    const options = `${url.includes('?') ? '&' : '?'}keepAliveInterval=${keepAliveInterval}`
    const own = url.includes('keepAlive') ? url : url + options
    const client = EventStoreDBClient.connectionString(own)
    return { client, appends: openAppendStream(client, deadline), isGone: false }
  }
  let current = make()
  let madeAt = Date.now()

  return {
    current: () => current,
    doubt: (connection: Connection): void => {
      if (connection !== current || Date.now() - madeAt < settledMs) return
      current = make()
      madeAt = Date.now()
      void dispose(connection)
    },
    close: () => dispose(current),
  }
}

const dispose = async (connection: Connection): Promise<void> => {
  const { client } = connection
  connection.isGone = true
  await outsideOfHttp2()
  const timeUp = new Promise<void>((resolve) => setTimeout(resolve, disposeMs).unref())
  await Promise.race([client.dispose(), timeUp])
  // The library has no other way to let go of the connection itself.
  const channel = await client['getChannel']().catch(() => null)
  channel?.close()
}
