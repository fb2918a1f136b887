import { crc32 } from 'node:zlib'
import { Fields, varintLength, writeVarint } from '../../protobuf.ts'
import { RECORD_HEADER, type StreamName } from '../log/section.ts'

/**
 * Events are stored as the bytes of the protocol's RecordedEvent, without revision and position,
 * which a read appends: fields may come in any order. Ours is fixed, so that the id can be found
 * without parsing the rest:
 *
 *   id (always 40 bytes), stream identifier, metadata: type, content-type, created, then the
 *   custom metadata and the data
 */
const METADATA_FIELD = 6
const DATA_FIELD = 8
const CUSTOM_METADATA_TAG = 0x3a
const DATA_TAG = 0x42
const ID_AT = 4
const ID_LENGTH = 36
const AFTER_ID = 40

export type NewEvent = {
  /** A UUID in its canonical, lower case form. */
  id: string
  type: string
  contentType: string
  data: Buffer
  metadata: Buffer
}

/**
 * Encodes events as the log's records, one behind the other. What comes before an event's own bytes
 * is put together as a latin1 string, which V8 does many times faster than small buffers.
 */
export function encodeRecords(
  stream: StreamName,
  events: readonly NewEvent[],
  now: number,
): { records: Buffer; offsets: number[] } {
  const created = mapEntry('created', `${now}0000`) // .NET ticks: ten thousand a millisecond.
  const name = nested('\x12', nested('\x1a', stream))
  const heads: string[] = []
  const offsets: number[] = []
  let size = 0
  for (const { id, type, contentType, data, metadata } of events) {
    const types = mapEntry('type', toLatin1(type)) + mapEntry('content-type', toLatin1(contentType))
    const head = `\x0a\x26\x12\x24${id}${name}${types}${created}`
    heads.push(head)
    offsets.push(size)
    size += RECORD_HEADER + head.length + fieldLength(metadata) + fieldLength(data)
  }
  const records = Buffer.allocUnsafe(size)
  for (const [i, { data, metadata }] of events.entries()) {
    const start = offsets[i] ?? 0
    const bodyStart = start + RECORD_HEADER
    let at = bodyStart + records.write(heads[i] ?? '', bodyStart, 'latin1')
    at = writeField(records, at, CUSTOM_METADATA_TAG, metadata)
    at = writeField(records, at, DATA_TAG, data)
    records.writeUInt32LE(at - bodyStart, start)
    records.writeUInt32LE(crc32(records.subarray(bodyStart, at)), start + 4)
  }
  return { records, offsets }
}

const fieldLength = ({ length }: Buffer) => (length === 0 ? 0 : 1 + varintLength(length) + length)

function writeField(into: Buffer, at: number, tag: number, value: Buffer): number {
  if (value.length === 0) return at
  into[at] = tag
  const start = writeVarint(into, value.length, at + 1)
  return start + value.copy(into, start)
}

const ASCII = /^[ -~]*$/

/** A text's UTF-8 as a latin1 string. Most texts are ASCII, which is the same in both. */
const toLatin1 = (text: string) =>
  ASCII.test(text) ? text : Buffer.from(text, 'utf8').toString('latin1')

/** A length-delimited field as a latin1 string. */
function nested(tag: string, content: string): string {
  let length = ''
  let rest = content.length
  for (; rest >= 128; rest >>>= 7) length += String.fromCharCode((rest & 0x7f) | 0x80)
  return tag + length + String.fromCharCode(rest) + content
}

const mapEntry = (key: string, value: string) =>
  nested('\x32', nested('\x0a', key) + nested('\x12', value))

export const idOf = (event: Buffer) => event.toString('latin1', ID_AT, ID_AT + ID_LENGTH)

/** The bytes of an event behind its id. */
export const withoutId = (event: Buffer) => event.subarray(AFTER_ID)

/** One of `type`, `content-type` and `created`. */
function metadataOf(event: Buffer, key: string): string {
  const fields = new Fields(event, AFTER_ID)
  while (fields.next()) {
    if (fields.number !== METADATA_FIELD) continue
    const entry = new Fields(fields.bytes())
    let name = ''
    while (entry.next()) {
      if (entry.number === 1) name = entry.string()
      else if (entry.number === 2 && name === key) return entry.string()
    }
  }
  return ''
}

export const typeOf = (event: Buffer) => metadataOf(event, 'type')

/** When the event was written, in milliseconds since the epoch. */
export const createdOf = (event: Buffer) => Number(metadataOf(event, 'created')) / 10_000

export function dataOf(event: Buffer): Buffer {
  const fields = new Fields(event, AFTER_ID)
  while (fields.next()) if (fields.number === DATA_FIELD) return fields.bytes()
  return Buffer.alloc(0)
}
