import type { Group } from '../log/group.ts'
import type { Log } from '../log/log.ts'
import { RECORD_HEADER } from '../log/section.ts'
import type { View } from './decide.ts'
import type { RecentIds } from './recent-ids.ts'
import { dataOf, idOf } from './recorded-event.ts'
import type { Stream } from './stream-index.ts'
import { NO_METADATA, parseStreamMetadata, type StreamMetadata } from './stream-metadata.ts'

/** What decisions look at: all that is durable, and what the group in hand adds to it. */
export class PendingView implements View {
  group: Group | undefined
  private readonly log: Log
  private readonly recentIds: RecentIds

  constructor(log: Log, recentIds: RecentIds) {
    this.log = log
    this.recentIds = recentIds
  }

  isSoftDeleted(stream: Stream): boolean {
    return this.metadata(stream).isSoftDeleted
  }

  truncateBefore(stream: Stream): number {
    return this.metadata(stream).truncateBefore
  }

  positionAt(stream: Stream, revision: number): number {
    return stream.positions.at(revision)
  }

  idAt(stream: Stream, revision: number): string {
    return idOf(this.eventAt(this.positionAt(stream, revision)))
  }

  /** What is remembered may be of a group that failed, so the event itself has the last word. */
  recentRevision(stream: Stream, id: string): number | undefined {
    const revision = this.recentIds.revision(stream, id)
    if (revision === undefined || revision > stream.last) return undefined
    return this.idAt(stream, revision) === id ? revision : undefined
  }

  /** The JSON of a stream's metadata, empty if it has none. */
  metadataData({ metastream }: Stream): string {
    const position = metastream?.positions.last()
    return position === undefined ? '' : dataOf(this.eventAt(position)).toString()
  }

  private metadata(stream: Stream): StreamMetadata {
    const { metastream } = stream
    const position = metastream?.positions.last()
    if (metastream === undefined || position === undefined) return NO_METADATA
    if (metastream.parsedMetadata?.position !== position) {
      const metadata = parseStreamMetadata(this.metadataData(stream))
      metastream.parsedMetadata = { position, metadata }
    }
    return metastream.parsedMetadata.metadata
  }

  private eventAt(position: number): Buffer {
    const length = this.bytesAt(position, RECORD_HEADER).readUInt32LE(0)
    return this.bytesAt(position + RECORD_HEADER, length)
  }

  private bytesAt(position: number, length: number): Buffer {
    return position >= this.log.end && this.group !== undefined
      ? this.group.slice(position, length)
      : this.log.read(position, length)
  }
}
