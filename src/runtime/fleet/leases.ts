import type { Redis } from 'ioredis'
import { LRUCache } from 'lru-cache'

/** Who writes which book, as far as anybody knows. Advice: the expected revision is the fence. */
export type Leases = {
  /** Where another process writes the book; null if this one does, or nobody knows. */
  readonly holderOf: (bookId: string) => string | null | Promise<string | null>
  /** Takes the book over from a holder that cannot be reached. */
  readonly takeFrom: (bookId: string, holder: string) => void
  /** Gives up what this process holds, so that others need not wait for it to run out. */
  readonly close: () => Promise<void>
}

/** Answers who holds the lease, and takes or renews it if nobody else does, or the one to be ousted. */
const script = `
local holder = redis.call('GET', KEYS[1])
if not holder or holder == ARGV[1] or holder == ARGV[3] then
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
  return ARGV[1]
end
return holder`

const giveUpScript = `
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0`

const leaseMs = 10_000
const renewMs = 3_000
/** No command waits longer for Redis: who does not know writes itself. */
const patienceMs = 5
/** How long that is remembered. */
const ignoranceMs = 1_000
const maxBooks = 10_000

type Known = { readonly holder: string | null; readonly until: number; isUsed: boolean }

const keyOf = (bookId: string): string => `daybook:writer:${bookId}`

/**
 * Leases in Redis by the address of their holder, and what is known of them here. A book that is in
 * use is asked about ahead of time, so that commands do not wait; one that is not runs out.
 */
export const writerLeases = (redis: Redis, own: string): Leases => {
  const books = new LRUCache<string, Known>({ max: maxBooks })
  const asking = new Map<string, Promise<string | null>>()
  let isClosed = false

  const know = (bookId: string, holder: string | null, ms: number): string | null => {
    books.set(bookId, { holder, until: performance.now() + ms, isUsed: false })
    return holder
  }
  const ask = (bookId: string, ousted = ''): Promise<string | null> => {
    const known = asking.get(bookId)
    if (known) return known
    const asked = redis
      .eval(script, 1, keyOf(bookId), own, leaseMs, ousted)
      .then(
        (holder) => know(bookId, holder === own ? null : String(holder), leaseMs),
        // What was so is probably so still.
        () => know(bookId, books.get(bookId)?.holder ?? null, ignoranceMs),
      )
      .finally(() => asking.delete(bookId))
    asking.set(bookId, asked)
    return asked
  }
  const renewing = setInterval(() => {
    for (const [bookId, known] of books.entries()) {
      if (known.isUsed) void ask(bookId)
      else if (known.until < performance.now()) books.delete(bookId)
    }
  }, renewMs).unref()

  return {
    holderOf: (bookId) => {
      const known = books.get(bookId)
      if (isClosed) return known?.holder ?? null
      if (!known || known.until < performance.now()) return inTime(ask(bookId))
      known.isUsed = true
      return known.holder
    },
    takeFrom: (bookId, holder) => {
      if (isClosed || books.get(bookId)?.holder !== holder) return
      know(bookId, null, ignoranceMs)
      void ask(bookId, holder)
    },
    close: async () => {
      isClosed = true
      clearInterval(renewing)
      const held = [...books.entries()].filter(([, { holder }]) => holder === null)
      const given = held.map(([bookId]) => redis.eval(giveUpScript, 1, keyOf(bookId), own))
      // Those that Redis does not hear of run out.
      await Promise.allSettled(given)
    },
  }
}

const inTime = (asked: Promise<string | null>): Promise<string | null> =>
  new Promise((resolve) => {
    const late = setTimeout(() => resolve(null), patienceMs)
    void asked.then((holder) => {
      clearTimeout(late)
      resolve(holder)
    })
  })
