import { assert } from '../store-error.ts'
import { FRAME_HEADER, MAX_PAYLOAD, sealFrame } from './frame.ts'
import { type Section, sectionLength, writeSection } from './section.ts'

/** Frames that become durable with one write and one sync. */
export class Group {
  readonly start: number
  private readonly salt: number
  private bytes: Buffer
  private length = 0
  private crc: number

  constructor(start: number, previousCrc: number, salt: number, scratch: Buffer) {
    this.start = start
    this.crc = previousCrc
    this.salt = salt
    this.bytes = scratch
  }

  get size(): number {
    return this.length
  }

  get end(): number {
    return this.start + this.length
  }

  get lastCrc(): number {
    return this.crc
  }

  /** Adds a frame and answers the position of each section's first record. */
  add(sections: readonly Section[]): number[] {
    const size = sections.reduce((sum, section) => sum + sectionLength(section), FRAME_HEADER)
    assert(size - FRAME_HEADER <= MAX_PAYLOAD, 'a frame is not longer than readers take')
    this.makeRoom(size)
    const { bytes, length: frame } = this
    const positions: number[] = []
    let at = frame + FRAME_HEADER
    for (const section of sections) {
      positions.push(this.start + writeSection(bytes, at, section))
      at += sectionLength(section)
    }
    this.crc = sealFrame(bytes, frame, at, {
      salt: this.salt,
      previousCrc: this.crc,
      position: this.end,
      syncedUpTo: this.start,
    })
    this.length = at
    return positions
  }

  content(): Buffer {
    return this.bytes.subarray(0, this.length)
  }

  /** Bytes of the group by their position in the log to be. */
  slice(position: number, length: number): Buffer {
    return this.bytes.subarray(position - this.start, position - this.start + length)
  }

  private makeRoom(size: number): void {
    if (this.length + size <= this.bytes.length) return
    const larger = Buffer.allocUnsafe(Math.max(this.bytes.length * 2, this.length + size))
    this.bytes.copy(larger, 0, 0, this.length)
    this.bytes = larger
  }
}
