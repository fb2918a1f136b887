import type { SegmentStream } from '../log/index-file.ts'
import { type PlacedEvent, type StreamName, TOMBSTONE_REVISION } from '../log/section.ts'
import { assert } from '../store-error.ts'
import { Positions } from './positions.ts'
import type { StreamMetadata } from './stream-metadata.ts'

/** All that is known of a stream: where its events are. */
export class Stream {
  readonly name: StreamName
  /** The position of each revision, those of the group in hand included. */
  readonly positions = new Positions()
  /** How many of them are durable: reads see no more. */
  committed = 0
  /** The position of the tombstone, 0 if there is none. */
  tombstone = 0
  /** Its metadata stream, once that has had an event. */
  metastream: Stream | undefined
  /** What the last metadata event says, by that event's position. */
  parsedMetadata: { position: number; metadata: StreamMetadata } | undefined

  constructor(name: StreamName) {
    this.name = name
  }

  /** The revision of the last event, -1 if there is none. */
  get last(): number {
    return this.positions.length - 1
  }
}

const METASTREAM_PREFIX = '$$'
export const isMetastream = (name: StreamName) => name.startsWith(METASTREAM_PREFIX)
export const metastreamOf = (name: StreamName): StreamName => METASTREAM_PREFIX + name

/** Streams by name. */
export class StreamIndex {
  private readonly streams = new Map<StreamName, Stream>()
  /** The streams that have something in the active segment. */
  private readonly active = new Set<Stream>()

  get(name: StreamName): Stream | undefined {
    return this.streams.get(name)
  }

  getOrCreate(name: StreamName): Stream {
    const known = this.streams.get(name)
    if (known !== undefined) return known
    const stream = new Stream(name)
    this.streams.set(name, stream)
    if (isMetastream(name)) this.getOrCreate(name.slice(2)).metastream = stream
    return stream
  }

  /** Notes that the stream gets something in the active segment. */
  touch(stream: Stream): void {
    this.active.add(stream)
  }

  /** Takes in an event that is durable already. */
  restore({ stream: name, revision, position }: PlacedEvent): void {
    const stream = this.getOrCreate(name)
    this.touch(stream)
    if (revision === TOMBSTONE_REVISION) {
      stream.tombstone = position
      return
    }
    assert(revision === stream.positions.length, `revision ${revision} continues its stream`)
    stream.positions.push(position)
    stream.committed = stream.positions.length
  }

  /** Takes in what a full segment has of a stream. */
  restoreSegment(base: number, { name, firstRevision, places, tombstone }: SegmentStream): void {
    const stream = this.getOrCreate(name)
    if (tombstone !== 0) stream.tombstone = tombstone
    stream.positions.addFull(firstRevision, base, places)
    stream.committed = stream.positions.length
  }

  /** What the active segment, which begins at `base` and is full, holds. The next starts empty. */
  takeSegment(base: number): SegmentStream[] {
    const segment = Array.from(this.active, (stream) => this.takeStream(stream, base))
    this.active.clear()
    return segment.filter(({ places, tombstone }) => places.length > 0 || tombstone !== 0)
  }

  private takeStream(stream: Stream, base: number): SegmentStream {
    const { first, positions } = stream.positions.takeActive()
    const places = Uint32Array.from(positions, (position) => position - base)
    stream.positions.addFull(first, base, places)
    const tombstone = stream.tombstone >= base ? stream.tombstone : 0
    return { name: stream.name, firstRevision: first, places, tombstone }
  }

  get size(): number {
    return this.streams.size
  }
}
