import { crc32 } from 'node:zlib'
import { readU64, writeU64 } from './frame.ts'
import type { StreamName } from './section.ts'

/**
 * A full segment's index, beside it: what opening the store needs to know of it without reading it.
 * It holds nothing that the segment does not, so a broken or missing one is made again. Header:
 *
 *    0  8 bytes  magic
 *    8  u32      format version
 *   12  u32      salt
 *   16  u64      base
 *   24  u64      end
 *   32  u32      CRC-32 of the segment's last frame
 *   36  u32      number of marks
 *   40  u32      number of streams
 *   44  u32      CRC-32 of the file, with these four bytes zero
 *
 * then the marks and the streams: u16 length of the name, u16 unused, u32 count, u64 first revision,
 * u32 tombstone, the name with zeros up to a multiple of four, and count places. Places are u32
 * offsets from the base, little endian as on all machines that Node runs on, and aligned: they are
 * used as they lie here.
 */
const HEADER = 48
const STREAM_HEADER = 20
const MAGIC = Buffer.from('EVENTIDX', 'latin1')
const VERSION = 2

/** What a segment holds of one stream. */
export type SegmentStream = {
  name: StreamName
  firstRevision: number
  /** Where its events are, as offsets from the segment's base. */
  places: Uint32Array
  /** The position of the tombstone, 0 if it is not here. */
  tombstone: number
}

export type SegmentIndex = {
  salt: number
  base: number
  end: number
  lastCrc: number
  marks: readonly number[]
  streams: readonly SegmentStream[]
}

export const indexName = (base: number) => `${String(base).padStart(16, '0')}.idx`

const padded = (length: number) => (length + 3) & ~3

export function encodeIndex(index: SegmentIndex): Buffer {
  const { base, marks, streams } = index
  const size = streams.reduce(
    (sum, { name, places }) => sum + STREAM_HEADER + padded(name.length) + 4 * places.length,
    HEADER + 4 * marks.length,
  )
  const into = Buffer.alloc(size)
  MAGIC.copy(into)
  into.writeUInt32LE(VERSION, 8)
  into.writeUInt32LE(index.salt, 12)
  writeU64(into, base, 16)
  writeU64(into, index.end, 24)
  into.writeUInt32LE(index.lastCrc, 32)
  into.writeUInt32LE(marks.length, 36)
  into.writeUInt32LE(streams.length, 40)
  let at = HEADER
  for (const mark of marks) at = into.writeUInt32LE(mark - base, at)
  for (const stream of streams) at = writeStream(into, at, base, stream)
  into.writeUInt32LE(crc32(into), 44)
  return into
}

function writeStream(into: Buffer, start: number, base: number, stream: SegmentStream): number {
  const { name, places, firstRevision, tombstone } = stream
  into.writeUInt16LE(name.length, start)
  into.writeUInt32LE(places.length, start + 4)
  writeU64(into, firstRevision, start + 8)
  into.writeUInt32LE(tombstone === 0 ? 0 : tombstone - base, start + 16)
  into.write(name, start + STREAM_HEADER, 'latin1')
  let at = start + STREAM_HEADER + padded(name.length)
  for (const place of places) at = into.writeUInt32LE(place, at)
  return at
}

/** The index, or undefined if the bytes are not a whole one. It lives in these bytes. */
export function decodeIndex(bytes: Buffer): SegmentIndex | undefined {
  if (bytes.length < HEADER || !bytes.subarray(0, 8).equals(MAGIC)) return undefined
  if (bytes.readUInt32LE(8) !== VERSION) return undefined
  const crc = bytes.readUInt32LE(44)
  bytes.writeUInt32LE(0, 44)
  if (crc32(bytes) !== crc) return undefined
  const base = readU64(bytes, 16)
  let at = HEADER
  const takePlaces = (count: number) => {
    const places = new Uint32Array(bytes.buffer, bytes.byteOffset + at, count)
    at += 4 * count
    return places
  }
  const marks = Array.from(takePlaces(bytes.readUInt32LE(36)), (place) => base + place)
  const streams: SegmentStream[] = []
  for (let left = bytes.readUInt32LE(40); left > 0; left--) {
    const nameLength = bytes.readUInt16LE(at)
    const count = bytes.readUInt32LE(at + 4)
    const firstRevision = readU64(bytes, at + 8)
    const tombstone = bytes.readUInt32LE(at + 16)
    at += STREAM_HEADER
    const name = bytes.toString('latin1', at, at + nameLength)
    at += padded(nameLength)
    const places = takePlaces(count)
    streams.push({ name, firstRevision, places, tombstone: tombstone && base + tombstone })
  }
  return {
    salt: bytes.readUInt32LE(12),
    base,
    end: readU64(bytes, 24),
    lastCrc: bytes.readUInt32LE(32),
    marks,
    streams,
  }
}
