import {
  type AllStreamResolvedEvent,
  BACKWARDS,
  END,
  ErrorType,
  EventStoreDBClient,
  isCommandError,
  type ResolvedEvent,
  START,
} from '@eventstore/db-client'
import type { Appended, BookLog } from '../commands/book-log.ts'
import type { Recorded } from '../domain/events/index.ts'
import { Rejected, reject } from '../domain/rejection.ts'
import type { StoredEvent } from '../domain/upcast.ts'
import { openAppendStream, type Proposed } from './append-stream.ts'

/** An event with its place in the whole log. */
export type LoggedEvent = StoredEvent & { readonly stream: string; readonly position: bigint }

export type EventStore = BookLog & {
  /** Events of all streams after a position, in the log's order. */
  readonly readAll: (after: bigint, limit: number) => AsyncIterable<LoggedEvent>
  readonly readBook: (bookId: string, from: number, limit: number) => AsyncIterable<LoggedEvent>
  /** Throws `store_unavailable` if the store does not answer. */
  readonly ping: () => Promise<void>
  readonly close: () => Promise<void>
}

const prefix = 'book-'
const deadline = 5_000

const streamOf = (bookId: string): string => `${prefix}${bookId}`
export const bookOf = (stream: string): string | null =>
  stream.startsWith(prefix) ? stream.slice(prefix.length) : null

/**
 * EventStoreDB, a cluster or the embedded store, through its frozen client library. What is known
 * of the library's traps ends here and in `openAppendStream`: reads end when nothing has come for a
 * while, because they have no deadline of their own.
 */
export const connectEventStore = (url: string): EventStore => {
  const client = EventStoreDBClient.connectionString(url)
  const appends = openAppendStream(client, deadline)

  const append = async (
    bookId: string,
    expected: number,
    events: readonly Recorded[],
  ): Promise<Appended> => {
    const proposed = events.map(toProposed)
    try {
      return { kind: await appends.append(streamOf(bookId), expected, proposed) }
    } catch (error) {
      return { kind: 'unknown', error: error as Error }
    }
  }

  async function* readBook(bookId: string, from: number, limit: number) {
    const read = client.readStream(streamOf(bookId), {
      fromRevision: BigInt(from),
      maxCount: limit,
    })
    yield* guarded(read)
  }

  async function* readAll(after: bigint, limit: number) {
    const isStart = after < 0n
    const read = client.readAll({
      fromPosition: isStart ? START : { commit: after, prepare: after },
      // The position itself is read again, and left out below.
      maxCount: limit + 1,
    })
    for await (const event of guarded(read)) if (isStart || event.position > after) yield event
  }

  const lastRevision = async (bookId: string): Promise<number> => {
    const last = { direction: BACKWARDS, fromRevision: END, maxCount: 1 } as const
    for await (const { revision } of guarded(client.readStream(streamOf(bookId), last))) {
      return revision
    }
    return -1
  }

  return {
    append,
    read: (bookId, from, limit = Number.MAX_SAFE_INTEGER) => readBook(bookId, from, limit),
    lastRevision,
    readBook,
    readAll,
    ping: async () => {
      const last = { direction: BACKWARDS, fromPosition: END, maxCount: 1 } as const
      for await (const _ of guarded(client.readAll(last))) return
    },
    close: () => client.dispose(),
  }
}

const encoder = new TextEncoder()

const toProposed = ({ id, type, data, metadata }: Recorded): Proposed => ({
  id,
  type,
  data: encoder.encode(JSON.stringify(data)),
  metadata: encoder.encode(JSON.stringify(metadata)),
})

const isOf = (error: unknown, type: ErrorType): boolean =>
  error instanceof Error && isCommandError(error) && error.type === type

type Reading = ReturnType<EventStoreDBClient['readStream' | 'readAll']>

async function* guarded(read: Reading): AsyncGenerator<LoggedEvent> {
  // The library emits errors on a stream that nobody iterates any more.
  read.on('error', () => {})
  const giveUp = () => read.destroy(new Error(`nothing came for ${deadline} ms`))
  let timer = setTimeout(giveUp, deadline)
  let isWhole = false
  try {
    for await (const { event } of read) {
      clearTimeout(timer)
      if (event) yield toLogged(event)
      timer = setTimeout(giveUp, deadline)
    }
    isWhole = true
  } catch (error) {
    isWhole = isOf(error, ErrorType.STREAM_NOT_FOUND)
    if (isWhole) return
    const reason = `The event store cannot be read: ${(error as Error).message}. Try again.`
    throw new Rejected(reject('store_unavailable', reason))
  } finally {
    clearTimeout(timer)
    if (!isWhole) void read.cancel().catch(() => {})
  }
}

const toLogged = (
  event: NonNullable<ResolvedEvent['event'] | AllStreamResolvedEvent['event']>,
): LoggedEvent => ({
  id: event.id,
  type: event.type,
  revision: Number(event.revision),
  data: event.data,
  metadata: event.metadata,
  stream: event.streamId,
  position: event.position?.commit ?? -1n,
})
