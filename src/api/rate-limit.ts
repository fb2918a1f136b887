import { LRUCache } from 'lru-cache'

/** Whether this caller may send one more request now. */
export type Admit = (caller: string) => boolean

const maxCallers = 10_000
const burstMs = 1_000

/**
 * So many requests a second for each caller, and after a quiet second as many at once. Counted in
 * this process: a command to Redis for each request would cost more than a cached read. One number
 * a caller is enough, the time at which all that it sent would have been sent at an even pace
 * (GCRA, the generic cell rate algorithm of ATM, ITU-T I.371). 0 is no limit.
 */
export const rateLimit = (perSecond: number, clock: () => number): Admit => {
  if (perSecond === 0) return () => true
  const eachMs = 1_000 / perSecond
  const due = new LRUCache<string, number>({ max: maxCallers })
  return (caller) => {
    const now = clock()
    const next = Math.max(now, due.get(caller) ?? 0) + eachMs
    if (next - now > burstMs) return false
    due.set(caller, next)
    return true
  }
}
