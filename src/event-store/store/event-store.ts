import type { Disk } from '../disk/disk.ts'
import { Log } from '../log/log.ts'
import type { PlacedEvent, StreamName } from '../log/section.ts'
import type { Report } from '../report.ts'
import type { WriteAnswer, WriteRequest } from './append.ts'
import { ForwardReader, RecordReader, readBackwards } from './reading.ts'
import { RecentIds } from './recent-ids.ts'
import { createdOf, dataOf, encodeRecords, idOf, type NewEvent } from './recorded-event.ts'
import { isMetastream, type Stream, StreamIndex } from './stream-index.ts'
import { NO_METADATA, parseStreamMetadata, type StreamMetadata } from './stream-metadata.ts'
import { Writer } from './writer.ts'

export type EventStoreOptions = {
  disk: Disk
  report: Report
  now: () => number
  random: () => number
  newId: () => string
  onFatal: (error: Error) => void
  segmentBytes: number
  preallocateBytes: number
  /** How many writes share one sync at most. */
  groupRequests: number
  /** How many events back an append without a revision is recognised as a retry. */
  recentIds: number
}

export type Direction = 'forwards' | 'backwards'
export type StreamState = 'missing' | 'deleted' | 'there'

/** The store behind the protocol: streams, the log, and what may be read of them. */
export class EventStore {
  private readonly options: EventStoreOptions
  private readonly log: Log
  private readonly index: StreamIndex
  private readonly writer: Writer
  private readonly unlock: () => void
  private readonly commitListeners = new Set<() => void>()

  private constructor(
    options: EventStoreOptions,
    parts: { log: Log; index: StreamIndex; recentIds: RecentIds; unlock: () => void },
  ) {
    this.options = options
    this.log = parts.log
    this.index = parts.index
    this.unlock = parts.unlock
    this.writer = new Writer({
      ...options,
      ...parts,
      onCommit: () => {
        for (const listener of [...this.commitListeners]) listener()
      },
    })
  }

  static async open(options: EventStoreOptions): Promise<EventStore> {
    const unlock = options.disk.lock()
    try {
      const index = new StreamIndex()
      const recentIds = new RecentIds(options.recentIds)
      const log = await Log.open({
        ...options,
        contents: {
          restore: (event) => {
            index.restore(event)
            recentIds.add(idOf(event.event), index.getOrCreate(event.stream), event.revision)
          },
          restoreSegment: (base, stream) => index.restoreSegment(base, stream),
          takeSegment: (base) => index.takeSegment(base),
        },
      })
      const store = new EventStore(options, { log, index, recentIds, unlock })
      if (index.size === 0) await store.recordCreation()
      return store
    } catch (error) {
      unlock()
      throw error
    }
  }

  /** Consumers of `$all` may count on an event that is there from the start. */
  private async recordCreation(): Promise<void> {
    const id = this.options.newId()
    const event: NewEvent = {
      id,
      type: '$storeCreated',
      contentType: 'application/json',
      data: Buffer.from('{}'),
      metadata: Buffer.alloc(0),
    }
    const answer = await this.write({
      kind: 'append',
      stream: '$store',
      expected: 'no_stream',
      ids: [id],
      ...this.encode('$store', [event]),
    })
    if (answer.kind === 'unavailable') throw new Error(answer.reason)
  }

  /** Makes events into what a write request carries. */
  encode(stream: StreamName, events: readonly NewEvent[]) {
    return encodeRecords(stream, events, this.options.now())
  }

  /** Answers once the outcome is durable. A request that `isExpired` in the queue is not written. */
  write(request: WriteRequest, isExpired?: () => boolean): Promise<WriteAnswer> {
    return this.writer.write(request, isExpired)
  }

  /** The position behind the last durable event. */
  get end(): number {
    return this.log.end
  }

  /** Calls back after each group of writes has become readable. Answers how to stop that. */
  onCommit(listener: () => void): () => void {
    this.commitListeners.add(listener)
    return () => this.commitListeners.delete(listener)
  }

  streamState(name: StreamName): StreamState {
    const stream = this.index.get(name)
    const base = isMetastream(name) ? this.index.get(name.slice(2)) : stream
    if (base !== undefined && this.isTombstoned(base)) return 'deleted'
    if (stream === undefined || stream.committed === 0) return 'missing'
    return this.metadata(stream).isSoftDeleted ? 'missing' : 'there'
  }

  private isTombstoned(stream: Stream): boolean {
    return stream.tombstone !== 0 && stream.tombstone < this.log.end
  }

  /** The last durable revision, -1 if there is none. */
  lastRevision(name: StreamName): number {
    return (this.index.get(name)?.committed ?? 0) - 1
  }

  /** A stream's events from a revision on, inclusive both ways, as its metadata lets them be seen. */
  *readStream(name: StreamName, from: number, direction: Direction): Generator<PlacedEvent> {
    const stream = this.index.get(name)
    if (stream === undefined) return
    const { first, oldest } = this.visible(stream)
    const reader = new RecordReader(this.log, direction === 'backwards')
    const step = direction === 'forwards' ? 1 : -1
    let revision =
      direction === 'forwards' ? Math.max(from, first) : Math.min(from, stream.committed - 1)
    for (; revision >= first && revision < stream.committed; revision += step) {
      const position = stream.positions.at(revision)
      const event = reader.event(position)
      reader.served()
      if (oldest === undefined || createdOf(event) >= oldest) {
        yield { stream: name, revision, position, event }
      }
    }
  }

  /** `$all`: forwards from a position on, backwards what is before it. */
  readAll(from: number, direction: Direction): Generator<PlacedEvent> {
    return direction === 'forwards' ? this.followAll(from).read() : readBackwards(this.log, from)
  }

  /** Reads `$all` from a position on, again and again as it grows. */
  followAll(from: number): ForwardReader {
    return new ForwardReader(this.log, from)
  }

  /** One event, if it is there to be seen. */
  eventAt(name: StreamName, revision: number): PlacedEvent | undefined {
    if (this.streamState(name) !== 'there') return undefined
    const [event] = this.readStream(name, revision, 'forwards')
    return event?.revision === revision ? event : undefined
  }

  private visible(stream: Stream): { first: number; oldest: number | undefined } {
    const { maxCount, maxAgeSeconds, truncateBefore } = this.metadata(stream)
    const kept = isMetastream(stream.name) ? 1 : maxCount
    return {
      first: Math.max(truncateBefore, kept === undefined ? 0 : stream.committed - kept),
      oldest: maxAgeSeconds === undefined ? undefined : this.options.now() - maxAgeSeconds * 1000,
    }
  }

  private metadata({ metastream }: Stream): StreamMetadata {
    if (metastream === undefined || metastream.committed === 0) return NO_METADATA
    const position = metastream.positions.at(metastream.committed - 1)
    if (metastream.parsedMetadata?.position !== position) {
      const event = new RecordReader(this.log, false).event(position)
      const metadata = parseStreamMetadata(dataOf(event).toString())
      metastream.parsedMetadata = { position, metadata }
    }
    return metastream.parsedMetadata.metadata
  }

  /** Resolves once every write that was asked for has been answered. */
  drained(): Promise<void> {
    return this.writer.drained()
  }

  /** Answers what was asked for, syncs, and gives the directory back. */
  async close(): Promise<void> {
    await this.writer.drained()
    try {
      if (!this.writer.hasFailed) await this.log.seal()
    } catch (error) {
      this.options.report('warn', 'closed without a seal', { error: String(error) })
    }
    this.log.closeFiles()
    this.unlock()
  }
}
