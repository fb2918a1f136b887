import { crc32 } from 'node:zlib'
import type { Disk } from '../disk/disk.ts'
import { FRAME_HEADER } from '../log/frame.ts'
import { decodeIndex, indexName } from '../log/index-file.ts'
import { scanFrames } from '../log/scan.ts'
import { eventsOf, RECORD_HEADER } from '../log/section.ts'
import { baseOf, decodeHeader, isSegmentName, SEGMENT_HEADER } from '../log/segment.ts'

/** What a look at one segment found. */
export type SegmentReport = {
  name: string
  bytes: number
  frames: number
  events: number
  /** Where its frames end, as a position of the log. */
  end: number
  /** Bytes behind the frames that are no frame: a write under way, or what a crash left of one. */
  torn: number
  index: 'whole' | 'missing' | 'broken'
  problems: string[]
}

export type StoreReport = { segments: SegmentReport[]; streams: number; problems: string[] }

/** Reads every byte of a store, also of one that is running, and changes nothing. */
export function verifyStore(disk: Disk): StoreReport {
  const names = disk.list().filter(isSegmentName).sort()
  const streams = new Set<string>()
  const segments: SegmentReport[] = []
  const problems: string[] = []
  let end = 0
  let lastCrc = 0
  for (const [i, name] of names.entries()) {
    if (baseOf(name) !== end) {
      problems.push(`the log breaks off at position ${end}: the next segment is ${name}`)
    }
    const bytes = readFile(disk, name)
    const isLast = i === names.length - 1
    const { report, crc } = verifySegment(disk, name, bytes, lastCrc, isLast, streams)
    segments.push(report)
    problems.push(...report.problems)
    end = report.end
    lastCrc = crc
  }
  if (names.length === 0) problems.push('there is no segment: this is not the directory of a store')
  return { segments, streams: streams.size, problems }
}

export function readFile(disk: Disk, name: string): Buffer {
  const file = disk.open(name, 'read')
  const bytes = Buffer.allocUnsafe(file.size())
  const read = file.read(bytes, 0)
  file.close()
  return bytes.subarray(0, read)
}

function verifySegment(
  disk: Disk,
  name: string,
  bytes: Buffer,
  previousCrc: number,
  isLast: boolean,
  streams: Set<string>,
): { report: SegmentReport; crc: number } {
  const base = baseOf(name)
  const report: SegmentReport = {
    name,
    bytes: bytes.length,
    frames: 0,
    events: 0,
    end: base + SEGMENT_HEADER,
    torn: 0,
    index: 'missing',
    problems: [],
  }
  let crc = 0
  try {
    const header = decodeHeader(bytes, name)
    if (header === undefined) throw new Error(`${name}: the header is broken`)
    if (header.previousCrc !== previousCrc) {
      report.problems.push(`${name} does not follow the segment before it`)
    }
    const result = scanFrames(bytes, header, ({ payload, position }) => {
      report.frames++
      report.end = position + FRAME_HEADER + payload.length
      report.events += verifyRecords(payload, position + FRAME_HEADER, streams)
    })
    crc = result.lastCrc
    report.end = base + result.end
    report.torn = result.torn
    if (!isLast && result.torn > 0) {
      report.problems.push(`${name} is corrupt at offset ${result.end}: a frame there is broken`)
    }
    report.index = verifyIndex(disk, report, base, isLast)
  } catch (error) {
    report.problems.push(error instanceof Error ? error.message : String(error))
  }
  return { report, crc }
}

/** A frame's CRC covers its records; theirs let one be trusted alone, so they are checked too. */
function verifyRecords(payload: Buffer, position: number, streams: Set<string>): number {
  let events = 0
  for (const event of eventsOf(payload, position)) {
    streams.add(event.stream)
    events++
    const crc = payload.readUInt32LE(event.position - position + RECORD_HEADER - 4)
    if (crc !== crc32(event.event)) throw new Error(`the event at ${event.position} is broken`)
  }
  return events
}

function verifyIndex(disk: Disk, report: SegmentReport, base: number, isLast: boolean) {
  const name = indexName(base)
  if (!disk.list().includes(name)) return 'missing'
  const index = decodeIndex(readFile(disk, name))
  const events = index?.streams.reduce(
    (sum, { places, tombstone }) => sum + places.length + (tombstone === 0 ? 0 : 1),
    0,
  )
  const isWhole = index?.end === report.end && events === report.events
  return isWhole || isLast ? 'whole' : 'broken'
}
