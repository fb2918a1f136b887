import { EMPTY, messageField, stringField, uintField } from '../../protobuf.ts'
import { frameMessage } from '../grpc/message-reader.ts'
import type { PlacedEvent, StreamName } from '../log/section.ts'
import type { EventStore } from '../store/event-store.ts'
import { dataOf, typeOf } from '../store/recorded-event.ts'
import { encodeReadEvent } from './event-encoder.ts'
import { streamIdentifier } from './identifiers.ts'
import type { ReadRequest } from './read-request.ts'

/** After so many events of a read others get their turn. */
export const EVENTS_PER_TURN = 1000

// ReadResp's fields. Each function gives a whole message, framed.
const CONFIRMATION = 2
const CHECKPOINT = 3
const STREAM_NOT_FOUND = 4
const CAUGHT_UP = 8

export const confirmation = (id: string) =>
  frameMessage(messageField(CONFIRMATION, stringField(1, id)))

export const checkpoint = (position: number) =>
  frameMessage(messageField(CHECKPOINT, uintField(1, position), uintField(2, position)))

export const notFound = (stream: StreamName) =>
  frameMessage(messageField(STREAM_NOT_FOUND, streamIdentifier(1, stream)))

export const caughtUp = () => frameMessage(messageField(CAUGHT_UP, EMPTY))

const LINK_TYPE = '$>'

/** The event as a response; a link with what it points to, or alone if that is gone. */
export function eventResponse(store: EventStore, event: PlacedEvent, request: ReadRequest): Buffer {
  if (!request.resolveLinks || typeOf(event.event) !== LINK_TYPE) {
    return encodeReadEvent(event, undefined, request.idForm)
  }
  const [, revision, stream] =
    /^(\d{1,16})@(.+)$/s.exec(dataOf(event.event).toString('latin1')) ?? []
  const target = stream === undefined ? undefined : store.eventAt(stream, Number(revision))
  return encodeReadEvent(target, event, request.idForm)
}
