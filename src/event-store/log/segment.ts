import { crc32 } from 'node:zlib'
import type { DiskFile } from '../disk/disk.ts'
import { StoreError } from '../store-error.ts'
import { readU64, writeU64 } from './frame.ts'

/**
 * The log is cut into segment files. Positions run through all of them without a gap: a segment's
 * base is the position of its first byte, and its name. Each starts with a header:
 *
 *    0  8 bytes  magic
 *    8  u32      format version
 *   12  u32      the store's salt
 *   16  u64      base
 *   24  u32      CRC-32 of the last frame of the segment before
 *   28  u32      CRC-32 of the header so far
 */
export const SEGMENT_HEADER = 32
const MAGIC = Buffer.from('EVENTLOG', 'latin1')
const FORMAT_VERSION = 1

export type Segment = {
  base: number
  file: DiskFile
  salt: number
  /** Where its frames end, as a position. */
  end: number
  /** Positions of some frames, ascending: where a scan may start. */
  marks: number[]
}

export type SegmentHeader = { salt: number; base: number; previousCrc: number }

export const segmentName = (base: number) => `${String(base).padStart(16, '0')}.log`
export const isSegmentName = (name: string) => /^\d{16}\.log$/.test(name)
export const baseOf = (name: string) => Number(name.slice(0, 16))

export function encodeHeader({ salt, base, previousCrc }: SegmentHeader): Buffer {
  const header = Buffer.alloc(SEGMENT_HEADER)
  MAGIC.copy(header)
  header.writeUInt32LE(FORMAT_VERSION, 8)
  header.writeUInt32LE(salt, 12)
  writeU64(header, base, 16)
  header.writeUInt32LE(previousCrc, 24)
  header.writeUInt32LE(crc32(header.subarray(0, 28)), 28)
  return header
}

/** The header, or undefined if it is not whole. Throws if a newer program wrote it. */
export function decodeHeader(bytes: Buffer, name: string): SegmentHeader | undefined {
  if (bytes.length < SEGMENT_HEADER || !bytes.subarray(0, 8).equals(MAGIC)) return undefined
  if (bytes.readUInt32LE(28) !== crc32(bytes.subarray(0, 28))) return undefined
  const version = bytes.readUInt32LE(8)
  if (version !== FORMAT_VERSION) {
    throw new StoreError(
      'unsupported_format',
      `${name} has format version ${version}, this program reads ${FORMAT_VERSION}: use the newer program`,
    )
  }
  return {
    salt: bytes.readUInt32LE(12),
    base: readU64(bytes, 16),
    previousCrc: bytes.readUInt32LE(24),
  }
}
