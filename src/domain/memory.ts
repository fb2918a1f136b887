import { type BloomFilter, bloomFilter } from './bloom-filter.ts'
import type { Keyed } from './keyed.ts'

/** Revisions by kind and key, see `LookupKind`. */
export type Lookups = Omit<Keyed<number>, 'delete'>

/**
 * How a book that stands on no other one keeps its lookups in bounds: it has the last ones, in the
 * window, and knows of all others only which of them it cannot have.
 */
export type LookupMemory = Lookups & {
  /** Every lookup that the book ever had, those in the window included. */
  readonly filter: BloomFilter
  /** The window has every lookup that leads to a revision above this one. */
  readonly floor: number
}

export const defaultWindow = 100_000

/**
 * `limit` is how many lookups the window may hold. They are in two halves, of which the older one is
 * let go of as a whole: to delete so many one by one would make everybody wait. Revisions come in
 * their order. Of a book that is not new, `filter` and `floor` say what went before.
 */
export const lookupMemory = (limit: number, filter = bloomFilter(), floor = -1): LookupMemory =>
  new Halves(limit, filter, floor)

class Halves implements LookupMemory {
  readonly filter: BloomFilter
  floor: number
  private readonly limit: number
  private recent = new Map<string, number>()
  private older = new Map<string, number>()
  /** The last revision in each. */
  private lastRecent = -1
  private lastOlder = -1

  constructor(limit: number, filter: BloomFilter, floor: number) {
    this.limit = limit
    this.filter = filter
    this.floor = floor
  }

  get size(): number {
    return this.recent.size + this.older.size
  }

  get(name: string): number | undefined {
    return this.recent.get(name) ?? this.older.get(name)
  }

  set(name: string, revision: number): void {
    if (this.recent.size >= this.limit / 2) this.turn()
    this.recent.set(name, revision)
    this.lastRecent = revision
    this.filter.add(name)
  }

  *[Symbol.iterator](): IterableIterator<[string, number]> {
    yield* this.older
    yield* this.recent
  }

  private turn(): void {
    this.floor = Math.max(this.floor, this.lastOlder)
    this.older = this.recent
    this.lastOlder = this.lastRecent
    this.recent = new Map()
  }
}
