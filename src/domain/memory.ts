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
export const lookupMemory = (limit: number, filter = bloomFilter(), floor = -1): LookupMemory => {
  let recent = new Map<string, number>()
  let older = new Map<string, number>()
  /** The last revision in each. */
  let [lastRecent, lastOlder] = [-1, -1]
  const turn = () => {
    floor = Math.max(floor, lastOlder)
    ;[older, lastOlder] = [recent, lastRecent]
    recent = new Map()
  }
  return {
    filter,
    get floor() {
      return floor
    },
    get size() {
      return recent.size + older.size
    },
    get: (name) => recent.get(name) ?? older.get(name),
    set: (name, revision) => {
      if (recent.size >= limit / 2) turn()
      recent.set(name, revision)
      lastRecent = revision
      filter.add(name)
    },
    *[Symbol.iterator]() {
      yield* older
      yield* recent
    },
  }
}
