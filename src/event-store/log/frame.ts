import { crc32 } from 'node:zlib'

/**
 * A frame is the unit that is whole or not there: one append, with everything that must happen with
 * it. Little endian:
 *
 *    0  u32  magic
 *    4  u32  length of the payload
 *    8  u32  CRC-32 of all that follows, seeded with the store's salt
 *   12  u32  CRC-32 of the frame before: what was left of an older write never fits in
 *   16  u64  position of this frame in the log
 *   24  u64  the log was synced up to here before this frame was written
 *   32       payload
 */
export const FRAME_HEADER = 32
export const FRAME_MAGIC = 0x4d524601
export const MAX_PAYLOAD = 64 * 1024 * 1024

export type Frame = {
  position: number
  syncedUpTo: number
  crc: number
  previousCrc: number
  payload: Buffer
}

export function writeU64(into: Buffer, value: number, offset: number): void {
  into.writeUInt32LE(value % 0x1_0000_0000, offset)
  into.writeUInt32LE(Math.floor(value / 0x1_0000_0000), offset + 4)
}

export function readU64(from: Buffer, offset: number): number {
  return from.readUInt32LE(offset) + from.readUInt32LE(offset + 4) * 0x1_0000_0000
}

/**
 * Fills in the header of the frame from `start` to `end`, whose payload is already in place. Answers
 * the frame's CRC.
 */
export function sealFrame(
  bytes: Buffer,
  start: number,
  end: number,
  header: { salt: number; previousCrc: number; position: number; syncedUpTo: number },
): number {
  bytes.writeUInt32LE(FRAME_MAGIC, start)
  bytes.writeUInt32LE(end - start - FRAME_HEADER, start + 4)
  bytes.writeUInt32LE(header.previousCrc, start + 12)
  writeU64(bytes, header.position, start + 16)
  writeU64(bytes, header.syncedUpTo, start + 24)
  const crc = frameCrc(bytes, start, end, header.salt)
  bytes.writeUInt32LE(crc, start + 8)
  return crc
}

function frameCrc(bytes: Buffer, start: number, end: number, salt: number): number {
  const length = end - start - FRAME_HEADER
  return crc32(bytes.subarray(start + 12, end), (salt ^ length) >>> 0)
}

/** The frame that starts at `offset` of `bytes`, or why there is none. */
export function readFrame(
  bytes: Buffer,
  offset: number,
  salt: number,
): Frame | 'incomplete' | 'bad' {
  if (bytes.length - offset < FRAME_HEADER) return 'incomplete'
  if (bytes.readUInt32LE(offset) !== FRAME_MAGIC) return 'bad'
  const length = bytes.readUInt32LE(offset + 4)
  if (length > MAX_PAYLOAD) return 'bad'
  const end = offset + FRAME_HEADER + length
  if (bytes.length < end) return 'incomplete'
  const crc = bytes.readUInt32LE(offset + 8)
  if (crc !== frameCrc(bytes, offset, end, salt)) return 'bad'
  return {
    position: readU64(bytes, offset + 16),
    syncedUpTo: readU64(bytes, offset + 24),
    crc,
    previousCrc: bytes.readUInt32LE(offset + 12),
    payload: bytes.subarray(offset + FRAME_HEADER, end),
  }
}
