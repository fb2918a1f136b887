import shared from '@eventstore/db-client/generated/shared_pb.js'
import streams from '@eventstore/db-client/generated/streams_pb.js'
import { varintLength, writeVarint } from '../protobuf.ts'

/** An event as it goes to the store. */
export type Proposed = {
  /** A UUID. */
  readonly id: string
  readonly type: string
  /** JSON in UTF-8. */
  readonly data: Uint8Array
  readonly metadata: Uint8Array
}

/**
 * A `BatchAppendReq` in Protocol Buffers, complete in one message. `expected` is the revision of the
 * stream's last event, -1 for none. The library writes its head; the events are written here, which
 * takes well under half of the time. A field that repeats may stand behind the others, so the two are simply
 * put together (https://protobuf.dev/programming-guides/encoding).
 */
export const appendRequest = (
  id: string,
  stream: string,
  expected: number,
  events: readonly Proposed[],
): Buffer => Buffer.concat([headOf(id, stream, expected), ...events.map(toField)])

const headOf = (id: string, stream: string, expected: number): Uint8Array => {
  const correlation = new shared.UUID()
  correlation.setString(id)
  const identifier = new shared.StreamIdentifier()
  identifier.setStreamName(new TextEncoder().encode(stream))
  const options = new streams.BatchAppendReq.Options()
  options.setStreamIdentifier(identifier)
  if (expected < 0) options.setNoStream(new shared.Empty() as never)
  else options.setStreamPosition(String(expected))
  const head = new streams.BatchAppendReq()
  head.setCorrelationId(correlation)
  head.setOptions(options)
  head.setIsFinal(true)
  return head.serializeBinary()
}

/** What a `ProposedMessage` says of its type, which is the same for all events of one. */
const kinds = new Map<string, Uint8Array>()

const kindOf = (type: string): Uint8Array => {
  const known = kinds.get(type)
  if (known) return known
  const message = new streams.BatchAppendReq.ProposedMessage()
  message.getMetadataMap().set('type', type).set('content-type', 'application/json')
  const kind = message.serializeBinary()
  kinds.set(type, kind)
  return kind
}

/** Numbers of the fields that are written here. */
const proposedMessages = 3
const messageId = 1
const uuidText = 2
const customMetadata = 3
const eventData = 4

const uuidLength = 36

/** Of a field of so many bytes, its number and their count included. */
const fieldLength = (length: number): number => 1 + varintLength(length) + length

const toField = ({ id, type, data, metadata }: Proposed): Buffer => {
  const kind = kindOf(type)
  const idLength = fieldLength(uuidLength)
  const length =
    fieldLength(idLength) + kind.length + fieldLength(metadata.length) + fieldLength(data.length)
  const field = Buffer.allocUnsafe(fieldLength(length))
  let at = begin(field, 0, proposedMessages, length)
  at = begin(field, at, messageId, idLength)
  at = begin(field, at, uuidText, uuidLength)
  at += field.write(id, at, 'latin1')
  field.set(kind, at)
  at = begin(field, at + kind.length, customMetadata, metadata.length)
  field.set(metadata, at)
  at = begin(field, at + metadata.length, eventData, data.length)
  field.set(data, at)
  return field
}

/** Writes what stands before the bytes of a field, and answers where they begin. */
const begin = (into: Buffer, start: number, field: number, length: number): number => {
  into[start] = (field << 3) | 2
  return writeVarint(into, length, start + 1)
}
