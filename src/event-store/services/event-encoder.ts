import { bytesField, int64Field, messageField, varintLength, writeVarint } from '../../protobuf.ts'
import { type PlacedEvent, TOMBSTONE_REVISION } from '../log/section.ts'
import { idOf, withoutId } from '../store/recorded-event.ts'

export type IdForm = 'string' | 'structured'

const PREFIX = 5
const EVENT = 0x0a // ReadResp.event and ReadEvent.event: field 1, bytes
const LINK = 0x12
const COMMIT_POSITION = 0x18
const REVISION = 0x18
const PREPARE = 0x20
const COMMIT = 0x28
const GREATEST_INT64 = Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f])

/**
 * Writes an event as a framed ReadResp. The stored bytes are copied whole; only revision and
 * position are added behind them, which is most of what makes reads cheap.
 */
export function encodeReadEvent(
  event: PlacedEvent | undefined,
  link: PlacedEvent | undefined,
  form: IdForm,
): Buffer {
  const placed = link ?? event
  const position = placed?.position ?? 0
  const parts = { event: prepare(event, form), link: prepare(link, form) }
  const inner = fieldLength(parts.event) + fieldLength(parts.link) + 1 + varintLength(position)
  const message = 1 + varintLength(inner) + inner
  const into = Buffer.allocUnsafe(PREFIX + message)
  into[0] = 0
  into.writeUInt32BE(message, 1)
  into[PREFIX] = EVENT
  let at = writeVarint(into, inner, PREFIX + 1)
  at = writeRecorded(into, at, EVENT, parts.event)
  at = writeRecorded(into, at, LINK, parts.link)
  into[at++] = COMMIT_POSITION
  writeVarint(into, position, at)
  return into
}

type Prepared = { bytes: Buffer; revision: number; position: number; length: number }

function prepare(event: PlacedEvent | undefined, form: IdForm): Prepared | undefined {
  if (event === undefined) return undefined
  const { revision, position } = event
  const bytes = form === 'string' ? event.event : withStructuredId(event.event)
  const revisionLength = revision === TOMBSTONE_REVISION ? 9 : varintLength(revision)
  const length = bytes.length + 3 + revisionLength + 2 * varintLength(position)
  return { bytes, revision, position, length }
}

const fieldLength = (event: Prepared | undefined) =>
  event === undefined ? 0 : 1 + varintLength(event.length) + event.length

function writeRecorded(into: Buffer, start: number, tag: number, event: Prepared | undefined) {
  if (event === undefined) return start
  into[start] = tag
  let at = writeVarint(into, event.length, start + 1)
  at += event.bytes.copy(into, at)
  into[at++] = REVISION
  if (event.revision === TOMBSTONE_REVISION) at += GREATEST_INT64.copy(into, at)
  else at = writeVarint(into, event.revision, at)
  into[at++] = PREPARE
  at = writeVarint(into, event.position, at)
  into[at++] = COMMIT
  return writeVarint(into, event.position, at)
}

function withStructuredId(event: Buffer): Buffer {
  const hex = idOf(event).replaceAll('-', '')
  const half = (from: number) => BigInt.asIntN(64, BigInt(`0x${hex.slice(from, from + 16)}`))
  const structured = messageField(1, int64Field(1, half(0)), int64Field(2, half(16)))
  return Buffer.concat([bytesField(1, structured), withoutId(event)])
}
