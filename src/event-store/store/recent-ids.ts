import { assert } from '../store-error.ts'
import type { Stream } from './stream-index.ts'

const NONE = -1

/**
 * Which revision the last events' ids got, in a ring: the oldest makes room. It keeps a hash of each
 * id in typed arrays, which the garbage collector need not walk, so an answer is a likely place to
 * look, not a proof.
 */
export class RecentIds {
  private readonly hashes: Int32Array
  private readonly revisions: Float64Array
  private readonly streams: (Stream | undefined)[]
  /** The first slot of each bucket, and behind each slot the next one of its bucket. */
  private readonly buckets: Int32Array
  private readonly chain: Int32Array
  private next = 0

  constructor(capacity: number) {
    this.hashes = new Int32Array(capacity)
    this.revisions = new Float64Array(capacity)
    this.streams = Array.from({ length: capacity }, () => undefined)
    this.buckets = new Int32Array(2 ** Math.ceil(Math.log2(capacity) + 1)).fill(NONE)
    this.chain = new Int32Array(capacity).fill(NONE)
  }

  add(id: string, stream: Stream, revision: number): void {
    const slot = this.next
    this.next = slot + 1 === this.hashes.length ? 0 : slot + 1
    if (this.streams[slot] !== undefined) this.evict(slot)
    const hash = hashOf(id)
    const bucket = hash & (this.buckets.length - 1)
    this.hashes[slot] = hash
    this.revisions[slot] = revision
    this.streams[slot] = stream
    this.chain[slot] = this.buckets[bucket] ?? NONE
    this.buckets[bucket] = slot
  }

  /** The revision that an event of this id most likely has in the stream. */
  revision(stream: Stream, id: string): number | undefined {
    const hash = hashOf(id)
    let slot = this.buckets[hash & (this.buckets.length - 1)] ?? NONE
    while (slot !== NONE) {
      if (this.hashes[slot] === hash && this.streams[slot] === stream) return this.revisions[slot]
      slot = this.chain[slot] ?? NONE
    }
    return undefined
  }

  private evict(slot: number): void {
    const bucket = (this.hashes[slot] ?? 0) & (this.buckets.length - 1)
    const after = this.chain[slot] ?? NONE
    let before = this.buckets[bucket] ?? NONE
    if (before === slot) {
      this.buckets[bucket] = after
      return
    }
    while (this.chain[before] !== slot) {
      assert(before !== NONE, 'a slot in use is in its bucket')
      before = this.chain[before] ?? NONE
    }
    this.chain[before] = after
  }
}

/** FNV-1a (http://www.isthe.com/chongo/tech/comp/fnv). */
function hashOf(id: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193)
  return hash ^ (hash >>> 15)
}
