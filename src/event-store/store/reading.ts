import { crc32 } from 'node:zlib'
import { FRAME_HEADER, readFrame } from '../log/frame.ts'
import type { Log } from '../log/log.ts'
import { corrupt } from '../log/scan.ts'
import { eventsOf, type PlacedEvent, RECORD_HEADER } from '../log/section.ts'
import { SEGMENT_HEADER } from '../log/segment.ts'

const SMALLEST_WINDOW = 8 * 1024
const LARGEST_WINDOW = 256 * 1024

/**
 * Reads events by position through a window on the log, which grows while the reads follow one
 * another and stays small while they jump about.
 */
export class RecordReader {
  private readonly log: Log
  private readonly isBackwards: boolean
  private window: Buffer = Buffer.alloc(0)
  private start = 0
  private size = SMALLEST_WINDOW
  private hits = 0

  constructor(log: Log, isBackwards: boolean) {
    this.log = log
    this.isBackwards = isBackwards
  }

  event(position: number): Buffer {
    const length = this.bytes(position, RECORD_HEADER).readUInt32LE(0)
    const record = this.bytes(position, RECORD_HEADER + length)
    const event = record.subarray(RECORD_HEADER)
    if (crc32(event) !== record.readUInt32LE(4)) throw corrupt('the log', position, 'an event')
    return event
  }

  private bytes(position: number, length: number): Buffer {
    if (position < this.start || position + length > this.start + this.window.length) {
      this.refill(position, length)
    }
    return this.window.subarray(position - this.start, position - this.start + length)
  }

  private refill(position: number, length: number): void {
    const wasUseful = this.hits > 4
    this.hits = 0
    this.size = wasUseful ? Math.min(this.size * 4, LARGEST_WINDOW) : SMALLEST_WINDOW
    const { start } = this.log.segmentAt(position)
    // An event may be longer than the window, which then begins where the event does.
    const before = Math.max(start, position + length - this.size)
    this.start = this.isBackwards ? Math.min(before, position) : position
    const end = Math.max(position + length, this.start + this.size)
    this.window = this.log.read(this.start, end - this.start)
  }

  /** Tells that the window served one more event. */
  served(): void {
    this.hits++
  }
}

const CHUNK = 256 * 1024

/** Reads `$all` forwards, and goes on where it stopped once there is more. */
export class ForwardReader {
  private readonly log: Log
  private readonly from: number
  /** The frame to be read next. */
  private at: number

  /** Begins with the events at or behind a position. */
  constructor(log: Log, from: number) {
    this.log = log
    this.from = from
    this.at = from >= log.end ? log.end : log.frameBefore(Math.max(from, log.firstPosition))
  }

  /** The events that follow, up to what is durable when it gets there. */
  *read(): Generator<PlacedEvent> {
    const { log } = this
    while (this.at < log.end) {
      const { start, end, salt } = log.segmentAt(this.at)
      this.at = Math.max(this.at, start)
      let bytes = log.read(this.at, CHUNK)
      let windowStart = this.at
      while (this.at < end) {
        const offset = this.at - windowStart
        const frame = readFrame(bytes, offset, salt)
        if (frame === 'incomplete' && windowStart + bytes.length < end) {
          bytes = log.read(this.at, Math.max(CHUNK, neededBytes(bytes.subarray(offset))))
          windowStart = this.at
          continue
        }
        if (frame === 'bad' || frame === 'incomplete') throw corrupt('the log', this.at)
        for (const event of eventsOf(frame.payload, this.at + FRAME_HEADER)) {
          if (event.position >= this.from) yield event
        }
        this.at += FRAME_HEADER + frame.payload.length
      }
    }
  }
}

function neededBytes(header: Buffer): number {
  return header.length < FRAME_HEADER ? FRAME_HEADER : FRAME_HEADER + header.readUInt32LE(4)
}

/** All events before a position, the last one first. */
export function* readBackwards(log: Log, from: number): Generator<PlacedEvent> {
  let before = Math.min(from, log.end)
  while (before > log.firstPosition) {
    const { start } = log.segmentAt(before - 1)
    if (before <= start) {
      before = start - SEGMENT_HEADER
      continue
    }
    const block = log.frameBefore(before - 1)
    const events: PlacedEvent[] = []
    for (const event of new ForwardReader(log, block).read()) {
      if (event.position >= before) break
      events.push(event)
    }
    yield* events.reverse()
    before = block
  }
}
