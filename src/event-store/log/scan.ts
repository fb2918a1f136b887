import { StoreError } from '../store-error.ts'
import { FRAME_HEADER, FRAME_MAGIC, type Frame, readFrame } from './frame.ts'
import { SEGMENT_HEADER, type SegmentHeader, segmentName } from './segment.ts'

export type ScanResult = {
  /** Where the whole frames end, as an offset in the segment. */
  end: number
  lastCrc: number
  /** The greatest position that a frame says was synced before it. */
  syncedUpTo: number
  /** Bytes after the end that are neither a frame nor preallocated zeros. */
  torn: number
}

const magic = Buffer.alloc(4)
magic.writeUInt32LE(FRAME_MAGIC)

/**
 * Walks the frames of a segment's bytes, from `start` on.
 *
 * A frame that is not whole ends the walk. If a later frame says that the log had been synced past
 * that place, what is broken here was once durable: that is corruption, and throws. Otherwise it is
 * what a crash leaves of a group that nobody was told about.
 */
export function scanFrames(
  bytes: Buffer,
  header: SegmentHeader,
  onFrame: (frame: Frame, offset: number) => void,
): ScanResult {
  let offset = SEGMENT_HEADER
  let lastCrc = header.previousCrc
  let syncedUpTo = 0
  while (offset < bytes.length) {
    const frame = readFrame(bytes, offset, header.salt)
    if (frame === 'bad' || frame === 'incomplete') break
    if (frame.position !== header.base + offset || frame.previousCrc !== lastCrc) break
    onFrame(frame, offset)
    syncedUpTo = Math.max(syncedUpTo, frame.syncedUpTo)
    lastCrc = frame.crc
    offset += FRAME_HEADER + frame.payload.length
  }
  const torn = lastNonZero(bytes, offset) - offset
  if (torn > 0) refuseIfOnceSynced(bytes, offset, header)
  return { end: offset, lastCrc, syncedUpTo, torn }
}

function refuseIfOnceSynced(bytes: Buffer, bad: number, header: SegmentHeader): void {
  for (let at = bytes.indexOf(magic, bad); at !== -1; at = bytes.indexOf(magic, at + 1)) {
    const frame = readFrame(bytes, at, header.salt)
    if (frame === 'bad' || frame === 'incomplete' || frame.position !== header.base + at) continue
    if (frame.syncedUpTo > header.base + bad) throw corrupt(segmentName(header.base), bad)
  }
}

export function corrupt(segment: string, offset: number, what = 'a frame'): StoreError {
  return new StoreError(
    'corrupt',
    `${segment} is corrupt at offset ${offset}: ${what} there is broken, though it was once durable. ` +
      'Nothing was changed. Restore the directory from a backup.',
  )
}

function lastNonZero(bytes: Buffer, from: number): number {
  let end = bytes.length
  while (end > from && bytes[end - 1] === 0) end--
  return end
}
