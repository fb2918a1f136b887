import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Call } from '../grpc/call.ts'
import { frameMessage, MAX_MESSAGE } from '../grpc/message-reader.ts'
import { EMPTY, MalformedMessage, messageField, stringField } from '../grpc/wire.ts'
import type { PlacedEvent, StreamName } from '../log/section.ts'
import type { EventStore } from '../store/event-store.ts'
import { dataOf, typeOf } from '../store/recorded-event.ts'
import { streamDeleted } from './errors.ts'
import { encodeReadEvent } from './event-encoder.ts'
import { streamIdentifier } from './identifiers.ts'
import { Outbox } from './outbox.ts'
import { decodeReadRequest, type ReadRequest } from './read-request.ts'
import { subscribe } from './subscribe.ts'

const STREAM_NOT_FOUND = 4

/** After so many events others get their turn. */
export const CONSIDERED_PER_TURN = 1000

/** Serves Streams.Read: reads and subscriptions, of one stream or of `$all`. */
export function handleRead(store: EventStore, call: Call): void {
  let request: ReadRequest | undefined
  call.receive(
    MAX_MESSAGE,
    (message) => {
      if (request !== undefined) throw new MalformedMessage('more than one request')
      request = decodeReadRequest(message)
    },
    () => {
      if (request === undefined) throw new MalformedMessage('no request')
      const done = request.count === undefined ? subscribe : read
      done(store, call, request).catch((error: unknown) => call.fail(error))
    },
  )
}

async function read(store: EventStore, call: Call, request: ReadRequest): Promise<void> {
  const { stream } = request.source
  if (stream !== undefined) {
    const state = store.streamState(stream)
    if (state === 'deleted') throw streamDeleted(stream)
    if (state === 'missing') {
      call.send(notFound(stream))
      call.end()
      return
    }
  }
  const outbox = new Outbox(call)
  let left = request.count ?? 0
  let considered = 0
  for (const event of eventsOf(store, request)) {
    if (left <= 0 || call.isDone) break
    if (++considered % CONSIDERED_PER_TURN === 0) await nextTurn()
    if (request.filter?.matches(event) === false) continue
    left--
    outbox.add(encode(store, event, request))
    if (outbox.isFull) await outbox.flush()
  }
  await outbox.flush()
  call.end()
}

const notFound = (stream: StreamName) =>
  frameMessage(messageField(STREAM_NOT_FOUND, streamIdentifier(1, stream)))

function eventsOf(store: EventStore, request: ReadRequest): Generator<PlacedEvent> {
  const { source, direction } = request
  const { from } = source
  const start = from === 'start' ? 0 : from === 'end' ? Number.MAX_SAFE_INTEGER : from
  return source.stream === undefined
    ? store.readAll(start, direction)
    : store.readStream(source.stream, start, direction)
}

const LINK_TYPE = '$>'

/** The event as a response; a link with what it points to, or alone if that is gone. */
export function encode(store: EventStore, event: PlacedEvent, request: ReadRequest): Buffer {
  if (!request.resolveLinks || typeOf(event.event) !== LINK_TYPE) {
    return encodeReadEvent(event, undefined, request.idForm)
  }
  const [, revision, stream] =
    /^(\d{1,16})@(.+)$/s.exec(dataOf(event.event).toString('latin1')) ?? []
  const target = stream === undefined ? undefined : store.eventAt(stream, Number(revision))
  return encodeReadEvent(target, event, request.idForm)
}

export const confirmation = (id: string) => frameMessage(messageField(2, stringField(1, id)))
export const caughtUp = () => frameMessage(messageField(8, EMPTY))
