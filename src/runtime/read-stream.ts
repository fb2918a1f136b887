import type { EventStoreDBClient } from '@eventstore/db-client'
import grpc from '@eventstore/db-client/generated/streams_grpc_pb.js'
import { Rejected, reject } from '../domain/rejection.ts'
import { outsideOfHttp2 } from './outside-of-http2.ts'
import {
  decodeRead,
  type LoggedEvent,
  type ReadMessage,
  type ReadWhat,
  readRequest,
} from './read-message.ts'

type Service = InstanceType<typeof grpc.StreamsClient>
type CallArguments = ReturnType<EventStoreDBClient['callArguments']>

/** Like the service's own `read`, for requests that are bytes already, and events without detours. */
const start = (service: Service, request: Buffer, args: CallArguments) =>
  service.makeServerStreamRequest<Buffer, ReadMessage>(
    '/event_store.client.streams.Streams/Read',
    (bytes) => bytes,
    decodeRead,
    request,
    ...args,
  )

export type ReadGuard = {
  /** The longest wait for the next event, as a read has no deadline of its own. */
  readonly deadline: number
  /** Told that the connection may lead nowhere. */
  readonly doubt: () => void
  /** Told that there is no such stream, or that no event begins at such a position. */
  readonly missing?: (() => void) | undefined
  /** Whether the connection was given up: then the library ends reads as if all had come. */
  readonly isGone: () => boolean
}

/** Events that may wait for whoever reads, before the store is to wait. */
const mostKept = 500

/**
 * Events as the store sends them. Throws `store_unavailable` when nothing has come for too long, or
 * the read ended in an error. Who leaves early ends it.
 */
export const readEvents = (
  client: EventStoreDBClient,
  what: ReadWhat,
  { deadline, doubt, missing, isGone }: ReadGuard,
): AsyncIterableIterator<LoggedEvent> => {
  let kept: LoggedEvent[] = []
  let at = 0
  let end: 'ended' | 'missing' | Error | null = null
  let wake = () => {}
  const finish = (how: typeof end) => {
    end ??= how
    wake()
  }
  const opened = client['GRPCStreamCreator'](grpc.StreamsClient, 'read', (service) => {
    const args = client['callArguments']({}, { deadline: Number.POSITIVE_INFINITY })
    const call = start(service, readRequest(what), args)
    call.on('data', (message: ReadMessage) => {
      if (message === 'missing') return finish('missing')
      if (message === 'other') return
      kept.push(message)
      if (kept.length >= mostKept) call.pause()
      wake()
    })
    call.on('error', (error: Error) => finish(isOfPosition(error) ? 'missing' : error))
    call.on('end', () => finish('ended'))
    return call
  })()
  opened.catch(finish)

  const more = async (): Promise<void> => {
    const arrived = new Promise<void>((resolve) => {
      wake = resolve
    })
    const giveUp = () => finish(new Error(`nothing came for ${deadline} ms`))
    const timer = setTimeout(giveUp, deadline)
    opened.then((call) => call.resume()).catch(finish)
    await arrived
    clearTimeout(timer)
  }

  /** What has come already must be read or the library keeps it, and waits for its end on dispose. */
  const leave = () => {
    Promise.all([opened, outsideOfHttp2()]).then(
      ([call]) => {
        call.cancel()
        call.resume()
      },
      () => {},
    )
  }

  const conclude = (): IteratorResult<LoggedEvent, undefined> => {
    if (end === 'missing') missing?.()
    if (end === 'ended' && isGone()) end = new Error('its connection was given up')
    if (!(end instanceof Error)) return { done: true, value: undefined }
    doubt()
    leave()
    throw unreadable(end.message)
  }

  return {
    [Symbol.asyncIterator]() {
      return this
    },
    next: async () => {
      if (at === kept.length) {
        kept = []
        at = 0
        if (!end) await more()
      }
      const value = kept[at++]
      return value ? { done: false, value } : conclude()
    },
    return: async () => {
      if (!end) leave()
      return { done: true, value: undefined }
    },
  }
}

/** Where the embedded store gives what follows, EventStoreDB says that it cannot read from there. */
const isOfPosition = ({ message }: Error): boolean =>
  /InvalidPosition|InvalidReadException/.test(message)

export const unreadable = (why: string): Rejected =>
  new Rejected(reject('store_unavailable', `The event store cannot be read: ${why}. Try again.`))
