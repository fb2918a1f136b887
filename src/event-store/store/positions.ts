import { assert } from '../store-error.ts'

/** What a stream has in one full segment: offsets from the segment's base. */
type Part = { first: number; base: number; places: Uint32Array }

/**
 * Where a stream's events are in the log, by revision. Those in full segments take four bytes each
 * and lie as they do in the segments' index files; the rest are in the active one.
 */
export class Positions {
  private readonly full: Part[] = []
  private active: number[] = []
  /** The revision of the first event in the active segment. */
  private firstActive = 0

  get length(): number {
    return this.firstActive + this.active.length
  }

  /** The position of a revision that is there. */
  at(revision: number): number {
    if (revision >= this.firstActive) return this.active[revision - this.firstActive] ?? 0
    let low = 0
    let high = this.full.length
    while (high - low > 1) {
      const middle = (low + high) >>> 1
      if ((this.full[middle]?.first ?? 0) <= revision) low = middle
      else high = middle
    }
    const part = this.full[low]
    assert(part !== undefined, 'every revision is in a segment')
    return part.base + (part.places[revision - part.first] ?? 0)
  }

  /** Of the last event, if there is one. */
  last(): number | undefined {
    return this.length === 0 ? undefined : this.at(this.length - 1)
  }

  /** Adds an event in the active segment. */
  push(position: number): void {
    this.active.push(position)
  }

  /** Forgets the events from this revision on, all of them in the active segment. */
  truncate(length: number): void {
    assert(length >= this.firstActive, 'only what is not durable is forgotten')
    this.active.length = length - this.firstActive
  }

  /** Takes out those in the active segment, which is full: `addFull` brings them back. */
  takeActive(): { first: number; positions: readonly number[] } {
    const positions = this.active
    this.active = []
    return { first: this.firstActive, positions }
  }

  /** Adds what a full segment holds, behind all that is here. */
  addFull(first: number, base: number, places: Uint32Array): void {
    if (places.length === 0) return
    assert(this.active.length === 0 && first === this.length, `revision ${first} is the next`)
    this.full.push({ first, base, places })
    this.firstActive += places.length
  }
}
