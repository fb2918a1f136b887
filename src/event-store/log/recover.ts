import type { Disk, DiskFile } from '../disk/disk.ts'
import type { Report } from '../report.ts'
import { StoreError } from '../store-error.ts'
import { FRAME_HEADER } from './frame.ts'
import { corrupt, type ScanResult, scanFrames } from './scan.ts'
import { eventsOf, type PlacedEvent } from './section.ts'
import {
  baseOf,
  decodeHeader,
  isSegmentName,
  SEGMENT_HEADER,
  type Segment,
  type SegmentHeader,
} from './segment.ts'

const MARK_EVERY = 64 * 1024

export type Recovered = { segments: Segment[]; lastCrc: number }

/** Opens every segment, checks that they join, and hands over their events in order. */
export async function recoverSegments(
  { disk, report }: { disk: Disk; report: Report },
  onEvent: (event: PlacedEvent) => void,
): Promise<Recovered> {
  const names = disk.list().filter(isSegmentName).sort()
  const segments: Segment[] = []
  let lastCrc = 0
  let end = 0
  for (const [i, name] of names.entries()) {
    const isLast = i === names.length - 1
    if (baseOf(name) !== end) throw missing(end, name)
    const file = disk.open(name, 'write')
    const bytes = readWhole(file)
    const header = decodeHeader(bytes, name)
    if (header === undefined && isLast && isUnused(bytes)) {
      removeUnused(disk, file, name, report)
      break
    }
    if (header === undefined || header.base !== end) throw corrupt(name, 0, 'the header')
    if (header.previousCrc !== lastCrc) throw corrupt(name, 24, 'the link to the segment before')
    const marks: number[] = []
    const result = scanFrames(bytes, header, (frame, offset) => {
      mark(marks, header.base + offset)
      for (const event of eventsOf(frame.payload, frame.position + FRAME_HEADER)) onEvent(event)
    })
    if (isLast) await mendTail(file, bytes, header, result, name, report)
    else if (result.end !== bytes.length) throw corrupt(name, result.end)
    end = header.base + result.end
    lastCrc = result.lastCrc
    segments.push({ base: header.base, file, salt: header.salt, end, marks })
  }
  return { segments, lastCrc }
}

function mark(marks: number[], position: number): void {
  if (position - (marks.at(-1) ?? 0) >= MARK_EVERY) marks.push(position)
}

function readWhole(file: DiskFile): Buffer {
  const bytes = Buffer.allocUnsafe(file.size())
  return bytes.subarray(0, file.read(bytes, 0))
}

/**
 * Cuts what a crash left behind the last whole frame, and makes sure that all before it is durable:
 * a frame may be in the page cache only. It is written again because after a failed sync the kernel
 * holds pages that it believes clean.
 */
async function mendTail(
  file: DiskFile,
  bytes: Buffer,
  header: SegmentHeader,
  { end, torn, syncedUpTo }: ScanResult,
  name: string,
  report: Report,
): Promise<void> {
  if (torn > 0) {
    report('warn', `cut a torn tail of ${torn} bytes that were never acknowledged`, {
      segment: name,
      offset: end,
      bytes: torn,
    })
  }
  if (end < bytes.length) file.truncate(end)
  const unvouched = Math.max(0, syncedUpTo - header.base)
  file.write(bytes.subarray(unvouched, end), unvouched)
  await file.sync()
}

/** A new segment is used only once its header is durable, so without one it holds nothing. */
const isUnused = (bytes: Buffer) => bytes.subarray(SEGMENT_HEADER).every((byte) => byte === 0)

function removeUnused(disk: Disk, file: DiskFile, name: string, report: Report): void {
  report('warn', `removed ${name}, a segment that a crash left unfinished before its first use`)
  file.close()
  disk.remove(name)
  disk.syncDirectory()
}

function missing(end: number, next: string): StoreError {
  return new StoreError(
    'corrupt',
    `the log breaks off at position ${end}: the next segment is ${next}. A segment is missing or cut. ` +
      'Nothing was changed. Restore the directory from a backup.',
  )
}
