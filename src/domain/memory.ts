import { type BloomFilter, bloomFilter } from './bloom-filter.ts'

/**
 * How a book that stands on no other one keeps its lookups in bounds: it has those of its last events
 * in a map, the window, and knows of all others only which of them it cannot have.
 */
export type LookupMemory = {
  /** Every lookup that the book ever had, those in the window included. */
  readonly filter: BloomFilter
  /** Lookups that the window may hold before the oldest are let go of. */
  readonly limit: number
  /** The window has every lookup that leads to a revision above this one. */
  floor: number
}

export const defaultWindow = 100_000

export const lookupMemory = (limit: number): LookupMemory => ({
  filter: bloomFilter(),
  limit,
  floor: -1,
})

/** Lets go of a quarter at once: a map is slow to find its first entry after many were deleted. */
export const letGoOfOldest = (window: Map<string, number>, memory: LookupMemory): void => {
  if (window.size <= memory.limit) return
  let excess = window.size - Math.floor(memory.limit * 0.75)
  for (const [name, revision] of window) {
    // All that leads to one revision stays or goes together.
    if (excess <= 0 && revision > memory.floor) return
    window.delete(name)
    memory.floor = Math.max(memory.floor, revision)
    excess--
  }
}
