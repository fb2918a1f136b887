import { assert } from '../store-error.ts'
import { readU64, writeU64 } from './frame.ts'

/**
 * A frame's payload is one or more sections, each a run of events of one stream:
 *
 *   u16 length of the stream's name, u16 flags, u32 count, u64 first revision, name, records
 *
 * and a record is `u32 length, u32 CRC-32, bytes`. A record's place in the log is its event's
 * position, and its own CRC lets one event be read and trusted without the frame around it.
 */
const SECTION_HEADER = 16
export const RECORD_HEADER = 8
const TOMBSTONE = 1

/** The revision that EventStoreDB gives a tombstone: the greatest int64. */
export const TOMBSTONE_REVISION = 2 ** 63

/** A stream's name as bytes, kept as a latin1 string: any bytes will do, and no two are equal. */
export type StreamName = string

export type Section = {
  stream: StreamName
  firstRevision: number
  records: Buffer
  /** Where each record starts in `records`. */
  offsets: readonly number[]
}

export const sectionLength = ({ stream, records }: Section) =>
  SECTION_HEADER + stream.length + records.length

/** Writes a section and answers where its first record begins. */
export function writeSection(into: Buffer, offset: number, section: Section): number {
  const isTombstone = section.firstRevision === TOMBSTONE_REVISION
  into.writeUInt16LE(section.stream.length, offset)
  into.writeUInt16LE(isTombstone ? TOMBSTONE : 0, offset + 2)
  into.writeUInt32LE(section.offsets.length, offset + 4)
  writeU64(into, isTombstone ? 0 : section.firstRevision, offset + 8)
  into.write(section.stream, offset + SECTION_HEADER, 'latin1')
  const start = offset + SECTION_HEADER + section.stream.length
  into.set(section.records, start)
  return start
}

export type PlacedEvent = {
  stream: StreamName
  revision: number
  position: number
  event: Buffer
}

/** Every event of a payload that passed its frame's CRC, with its position in the log. */
export function* eventsOf(payload: Buffer, payloadPosition: number): Generator<PlacedEvent> {
  let at = 0
  while (at < payload.length) {
    const nameLength = payload.readUInt16LE(at)
    const isTombstone = (payload.readUInt16LE(at + 2) & TOMBSTONE) !== 0
    const count = payload.readUInt32LE(at + 4)
    const first = readU64(payload, at + 8)
    at += SECTION_HEADER
    const stream = payload.toString('latin1', at, at + nameLength)
    at += nameLength
    for (let i = 0; i < count; i++) {
      const length = payload.readUInt32LE(at)
      yield {
        stream,
        revision: isTombstone ? TOMBSTONE_REVISION : first + i,
        position: payloadPosition + at,
        event: payload.subarray(at + RECORD_HEADER, at + RECORD_HEADER + length),
      }
      at += RECORD_HEADER + length
    }
  }
  assert(at === payload.length, `sections of the frame before ${payloadPosition} fill it exactly`)
}
