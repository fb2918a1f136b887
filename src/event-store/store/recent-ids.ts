import type { Stream } from './stream-index.ts'

const NONE = -1

/**
 * Which revision the last events' ids got, so many of them. Entries are numbered and kept in a ring;
 * a bucket of hashes knows its newest entry, and each entry the one before it in its bucket, as in
 * the window of a compressor (https://www.rfc-editor.org/rfc/rfc1951, 4): a chain ends at the first
 * entry that is too old, whose place has another by now, so none need be taken out.
 *
 * It keeps a hash of each id in typed arrays, which the garbage collector need not walk, so an answer
 * is a likely place to look, not a proof.
 */
export class RecentIds {
  private readonly hashes: Int32Array
  private readonly revisions: Float64Array
  private readonly streams: (Stream | undefined)[]
  private readonly previous: Float64Array
  private readonly newest: Float64Array
  private added = 0

  constructor(capacity: number) {
    this.hashes = new Int32Array(capacity)
    this.revisions = new Float64Array(capacity)
    this.streams = Array.from({ length: capacity }, () => undefined)
    this.previous = new Float64Array(capacity)
    this.newest = new Float64Array(2 ** Math.ceil(Math.log2(capacity) + 1)).fill(NONE)
  }

  add(id: string, stream: Stream, revision: number): void {
    const hash = hashOf(id)
    const bucket = hash & (this.newest.length - 1)
    const slot = this.added % this.hashes.length
    this.hashes[slot] = hash
    this.revisions[slot] = revision
    this.streams[slot] = stream
    this.previous[slot] = this.newest[bucket] ?? NONE
    this.newest[bucket] = this.added++
  }

  /** The revision that an event of this id most likely has in the stream. */
  revision(stream: Stream, id: string): number | undefined {
    const hash = hashOf(id)
    const capacity = this.hashes.length
    const oldest = Math.max(0, this.added - capacity)
    let entry = this.newest[hash & (this.newest.length - 1)] ?? NONE
    while (entry >= oldest) {
      const slot = entry % capacity
      if (this.hashes[slot] === hash && this.streams[slot] === stream) return this.revisions[slot]
      entry = this.previous[slot] ?? NONE
    }
    return undefined
  }
}

/** FNV-1a (http://www.isthe.com/chongo/tech/comp/fnv). */
function hashOf(id: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193)
  return hash ^ (hash >>> 15)
}
