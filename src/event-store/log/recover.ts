import type { Disk, DiskFile } from '../disk/disk.ts'
import type { Report } from '../report.ts'
import { StoreError } from '../store-error.ts'
import { FRAME_HEADER } from './frame.ts'
import { decodeIndex, encodeIndex, indexName, type SegmentStream } from './index-file.ts'
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

export const MARK_EVERY = 64 * 1024

/** Who keeps track of the events in the log. */
export type Contents = {
  restore(event: PlacedEvent): void
  restoreSegment(base: number, stream: SegmentStream): void
  takeSegment(base: number): SegmentStream[]
}

type Context = { disk: Disk; report: Report; contents: Contents }
export type Recovered = { segments: Segment[]; lastCrc: number }
type Opened = { segment: Segment; lastCrc: number }

/** Opens every segment, checks that they join, and hands over their events in order. */
export async function recoverSegments(context: Context): Promise<Recovered> {
  const names = context.disk.list().filter(isSegmentName).sort()
  context.disk.syncDirectory() // A killed process may have made a segment and not come so far.
  removeUnused(context, names)
  const segments: Segment[] = []
  let lastCrc = 0
  let end = 0
  try {
    for (const [i, name] of names.entries()) {
      if (baseOf(name) !== end) throw missing(end, name)
      const open = i === names.length - 1 ? openLast : openFull
      const opened = await open(context, name, lastCrc)
      segments.push(opened.segment)
      lastCrc = opened.lastCrc
      end = opened.segment.end
    }
  } catch (error) {
    for (const { file } of segments) file.close()
    throw error
  }
  return { segments, lastCrc }
}

/** A segment that was filled: by its index, or by reading it if that is not whole. */
async function openFull(context: Context, name: string, previousCrc: number): Promise<Opened> {
  const { disk, report, contents } = context
  const file = disk.open(name, 'write')
  const header = checkHeader(readBytes(file, SEGMENT_HEADER), name, previousCrc)
  const index = readIndex(disk, header)
  if (index !== undefined && index.end - header.base === file.size()) {
    for (const stream of index.streams) contents.restoreSegment(header.base, stream)
    const { salt, base, end, marks, lastCrc } = index
    return { segment: { salt, base, end, file, marks: [...marks] }, lastCrc }
  }
  const bytes = readBytes(file, file.size())
  const { segment, result } = scan(context, file, bytes, header)
  if (result.torn > 0) throw corrupt(name, result.end)
  report('info', `made the index of ${name} anew`)
  await writeIndex(disk, report, segment, result.lastCrc, contents.takeSegment(segment.base))
  return { segment, lastCrc: result.lastCrc }
}

async function openLast(context: Context, name: string, previousCrc: number): Promise<Opened> {
  const file = context.disk.open(name, 'write')
  const bytes = readBytes(file, file.size())
  const header = checkHeader(bytes, name, previousCrc)
  const { segment, result } = scan(context, file, bytes, header)
  await mendTail(file, bytes, header, result, name, context.report)
  return { segment, lastCrc: result.lastCrc }
}

/**
 * Takes away a last segment that a crash left without its header. A segment is used only once its
 * header is durable, so it holds nothing; the one before is the active one still.
 */
function removeUnused({ disk, report }: Context, names: string[]): void {
  const name = names.at(-1)
  if (name === undefined) return
  const file = disk.open(name, 'read')
  const start = readBytes(file, SEGMENT_HEADER)
  const isUnused =
    decodeHeader(start, name) === undefined &&
    readBytes(file, file.size())
      .subarray(SEGMENT_HEADER)
      .every((byte) => byte === 0)
  file.close()
  if (!isUnused) return
  report('warn', `removed ${name}, a segment that a crash left unfinished before its first use`)
  disk.remove(name)
  disk.syncDirectory()
  names.pop()
}

function checkHeader(bytes: Buffer, name: string, previousCrc: number): SegmentHeader {
  const header = decodeHeader(bytes, name)
  if (header === undefined || header.base !== baseOf(name)) throw corrupt(name, 0, 'the header')
  if (header.previousCrc !== previousCrc) {
    throw corrupt(name, 24, 'the link to the segment before')
  }
  return header
}

function scan({ contents }: Context, file: DiskFile, bytes: Buffer, header: SegmentHeader) {
  const marks: number[] = []
  const result = scanFrames(bytes, header, (frame) => {
    if (frame.position - (marks.at(-1) ?? header.base) >= MARK_EVERY) marks.push(frame.position)
    for (const event of eventsOf(frame.payload, frame.position + FRAME_HEADER)) {
      contents.restore(event)
    }
  })
  const { base, salt } = header
  const segment: Segment = { base, file, salt, end: base + result.end, marks }
  return { segment, result }
}

function readBytes(file: DiskFile, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length)
  return bytes.subarray(0, file.read(bytes, 0))
}

function readIndex(disk: Disk, { base, salt }: SegmentHeader) {
  const name = indexName(base)
  if (!disk.list().includes(name)) return undefined
  const file = disk.open(name, 'read')
  const index = decodeIndex(readBytes(file, file.size()))
  file.close()
  return index !== undefined && index.base === base && index.salt === salt ? index : undefined
}

/**
 * Leaves a full segment's index beside it. It may fail: the next start does without it. An old one
 * must go first, and the new one be whole before it has its name.
 */
export async function writeIndex(
  disk: Disk,
  report: Report,
  { base, end, salt, marks }: Omit<Segment, 'file'>,
  lastCrc: number,
  streams: SegmentStream[],
): Promise<void> {
  const name = indexName(base)
  const draft = `${name}.draft`
  try {
    if (disk.list().includes(draft)) disk.remove(draft)
    const file = disk.open(draft, 'create')
    try {
      file.write(encodeIndex({ salt, base, end, lastCrc, marks, streams }), 0)
      await file.sync()
    } finally {
      file.close()
    }
    disk.rename(draft, name)
    disk.syncDirectory()
  } catch (error) {
    report('warn', `could not write ${name}, the next start will have to`, { error: String(error) })
  }
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

function missing(end: number, next: string): StoreError {
  return new StoreError(
    'corrupt',
    `the log breaks off at position ${end}: the next segment is ${next}. A segment is missing or cut. ` +
      'Nothing was changed. Restore the directory from a backup.',
  )
}
