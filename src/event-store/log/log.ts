import type { Disk, DiskFile } from '../disk/disk.ts'
import type { Report } from '../report.ts'
import { assert } from '../store-error.ts'
import { Group } from './group.ts'
import { type Contents, MARK_EVERY, recoverSegments, writeIndex } from './recover.ts'
import { encodeHeader, SEGMENT_HEADER, type Segment, segmentName } from './segment.ts'

export type LogOptions = {
  disk: Disk
  report: Report
  /** A segment is closed once it is this long. */
  segmentBytes: number
  /** So many zeros are laid out ahead of the frames: a sync costs half as much in a file that has its size. */
  preallocateBytes: number
  /** Makes the salt of a new log. */
  random: () => number
  contents: Contents
}

const SCRATCH_BYTES = 1024 * 1024

/** The segmented log. Everything below `end` is synced; readers never see past it. */
export class Log {
  private readonly options: LogOptions
  private readonly segments: Segment[]
  private lastCrc: number
  private readonly scratch = Buffer.allocUnsafe(SCRATCH_BYTES)
  /** Whether the active segment, being full, has its index: only creating the next one failed. */
  private isIndexed = false
  private readonly zeros: Buffer
  /** Up to here the active segment's file has been given its size. */
  private allocated: number
  end: number

  private constructor(options: LogOptions, segments: Segment[], lastCrc: number) {
    this.options = options
    this.segments = segments
    this.lastCrc = lastCrc
    this.end = this.allocated = this.active.end
    this.zeros = Buffer.alloc(options.preallocateBytes)
  }

  /** Recovers what is there, handing over each event in order, or begins a new log. */
  static async open(options: LogOptions): Promise<Log> {
    const { segments, lastCrc } = await recoverSegments(options)
    if (segments.length === 0) {
      segments.push(await createSegment(options.disk, 0, options.random() >>> 0, 0))
    }
    return new Log(options, segments, lastCrc)
  }

  private get active(): Segment {
    const segment = this.segments.at(-1)
    assert(segment !== undefined, 'a log has a segment')
    return segment
  }

  get firstPosition(): number {
    return SEGMENT_HEADER
  }

  beginGroup(): Group {
    return new Group(this.end, this.lastCrc, this.active.salt, this.scratch)
  }

  /** Writes a group. Throws if the disk refuses; then nothing was appended, see `discard`. */
  write(group: Group): void {
    assert(group.start === this.end, 'a group continues the log')
    if (group.end > this.allocated) this.allocate(group.end)
    this.active.file.write(group.content(), this.end - this.active.base)
  }

  /** Lays out zeros behind a group. It is for speed, so it may fail: the write itself will tell. */
  private allocate(end: number): void {
    const { file, base } = this.active
    try {
      file.write(this.zeros, end - base)
      this.allocated = end + this.zeros.length
    } catch {
      this.allocated = end
    }
  }

  /** Makes a written group durable, then visible. A failure here can only be fatal. */
  async commit(group: Group): Promise<void> {
    await this.active.file.sync()
    const active = this.active
    if (group.start - (active.marks.at(-1) ?? active.base) >= MARK_EVERY) {
      active.marks.push(group.start)
    }
    this.end = active.end = group.end
    this.lastCrc = group.lastCrc
  }

  /** Removes what a failed write may have left, so that it can never come back as a frame. */
  async discard(): Promise<void> {
    this.trim(this.end)
    await this.active.file.sync()
  }

  /** Takes away what lies behind the frames. */
  private trim(end: number): void {
    this.active.file.truncate(end - this.active.base)
    this.allocated = end
  }

  /** Starts a new segment if the active one is full, whose index is then written. */
  async rollIfFull(): Promise<void> {
    const { active } = this
    if (this.end - active.base < this.options.segmentBytes) return
    const { disk, report, contents } = this.options
    if (!this.isIndexed) {
      await this.discard()
      await writeIndex(disk, report, active, this.lastCrc, contents.takeSegment(active.base))
      this.isIndexed = true
    }
    this.segments.push(await createSegment(disk, this.end, active.salt, this.lastCrc))
    this.end = this.allocated = this.active.end
    this.isIndexed = false
  }

  /** Bytes from a position on, at most up to the end of what is synced in its segment. */
  read(position: number, length: number): Buffer {
    const segment = this.segmentOf(position)
    const wanted = Math.max(0, Math.min(length, Math.min(segment.end, this.end) - position))
    const bytes = Buffer.allocUnsafe(wanted)
    const done = segment.file.read(bytes, position - segment.base)
    assert(done === wanted, `${segmentName(segment.base)} is shorter than the log knows it to be`)
    return bytes
  }

  /** Where frames begin in the segment that holds a position, and where they end. */
  segmentAt(position: number): { start: number; end: number; salt: number } {
    const { base, end, salt } = this.segmentOf(position)
    return { start: base + SEGMENT_HEADER, end: Math.min(end, this.end), salt }
  }

  /** The start of a frame at or before a position. */
  frameBefore(position: number): number {
    const { base, marks } = this.segmentOf(position)
    let low = 0
    let high = marks.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((marks[middle] ?? 0) <= position) low = middle + 1
      else high = middle
    }
    return marks[low - 1] ?? base + SEGMENT_HEADER
  }

  private segmentOf(position: number): Segment {
    let low = 0
    let high = this.segments.length
    while (high - low > 1) {
      const middle = (low + high) >>> 1
      if ((this.segments[middle]?.base ?? 0) <= position) low = middle
      else high = middle
    }
    const segment = this.segments[low]
    assert(segment !== undefined, 'every position has a segment')
    return segment
  }

  /** Vouches for the last group with an empty frame, so that no flaw in it can pass for a tear. */
  async seal(): Promise<void> {
    const seal = this.beginGroup()
    seal.add([])
    this.write(seal)
    this.trim(seal.end)
    await this.commit(seal)
  }

  closeFiles(): void {
    for (const { file } of this.segments) file.close()
  }
}

async function createSegment(
  disk: Disk,
  base: number,
  salt: number,
  previousCrc: number,
): Promise<Segment> {
  const name = segmentName(base)
  if (disk.list().includes(name)) disk.remove(name) // What an attempt left that failed half way.
  const file: DiskFile = disk.open(name, 'create')
  try {
    file.write(encodeHeader({ salt, base, previousCrc }), 0)
    await file.sync()
    disk.syncDirectory()
  } catch (error) {
    file.close()
    disk.remove(name)
    throw error
  }
  return { base, file, salt, end: base + SEGMENT_HEADER, marks: [] }
}
