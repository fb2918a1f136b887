import { setImmediate as nextTurn } from 'node:timers/promises'
import { MalformedMessage } from '../../protobuf.ts'
import type { Call } from '../grpc/call.ts'
import { MAX_MESSAGE } from '../grpc/message-reader.ts'
import type { PlacedEvent } from '../log/section.ts'
import type { EventStore } from '../store/event-store.ts'
import { streamDeleted } from './errors.ts'
import { Outbox } from './outbox.ts'
import { decodeReadRequest, type ReadRequest } from './read-request.ts'
import { EVENTS_PER_TURN, eventResponse, notFound } from './responses.ts'
import { subscribe } from './subscribe.ts'

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
    if (++considered % EVENTS_PER_TURN === 0) await nextTurn()
    if (request.filter?.matches(event) === false) continue
    left--
    outbox.add(eventResponse(store, event, request))
    if (outbox.isFull) await outbox.flush()
  }
  await outbox.flush()
  call.end()
}

function eventsOf(store: EventStore, request: ReadRequest): Generator<PlacedEvent> {
  const { source, direction } = request
  const { from } = source
  const start = from === 'start' ? 0 : from === 'end' ? Number.MAX_SAFE_INTEGER : from
  return source.stream === undefined
    ? store.readAll(start, direction)
    : store.readStream(source.stream, start, direction)
}
