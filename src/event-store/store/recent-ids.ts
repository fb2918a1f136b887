import type { Stream } from './stream-index.ts'

/**
 * Which revision the last events' ids got, in a ring: the oldest makes room. (Taking the oldest key
 * of a Map instead costs V8 a walk over all the deleted ones.)
 */
export class RecentIds {
  private readonly slots = new Map<string, number>()
  private readonly ids: string[] = []
  private readonly streams: Stream[] = []
  private readonly revisions: number[] = []
  private readonly capacity: number
  private next = 0

  constructor(capacity: number) {
    this.capacity = capacity
  }

  add(id: string, stream: Stream, revision: number): void {
    const slot = this.next
    const evicted = this.ids[slot]
    if (evicted !== undefined && this.slots.get(evicted) === slot) this.slots.delete(evicted)
    this.ids[slot] = id
    this.streams[slot] = stream
    this.revisions[slot] = revision
    this.slots.set(id, slot)
    this.next = slot + 1 === this.capacity ? 0 : slot + 1
  }

  revision(stream: Stream, id: string): number | undefined {
    const slot = this.slots.get(id)
    return slot !== undefined && this.streams[slot] === stream ? this.revisions[slot] : undefined
  }
}
