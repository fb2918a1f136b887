import type { WriterOptions } from '../../../src/commands/book-writer.ts'
import type { SnapshotStore } from '../../../src/commands/snapshot-store.ts'
import { emptyBook, findAccount } from '../../../src/domain/book.ts'
import { evolve } from '../../../src/domain/evolve.ts'
import { Rejected, reject } from '../../../src/domain/rejection.ts'
import { packBook, type Snapshot } from '../../../src/domain/snapshot/book-snapshot.ts'
import { finish } from '../../support/finish.ts'
import { bookId } from '../../support/received.ts'
import type { SimulatedStore, Surroundings } from './store.ts'

/** For writers that are to do without. */
export const noSnapshots: Pick<WriterOptions, 'snapshots' | 'pause'> = {
  snapshots: {
    list: async () => [],
    read: () => Promise.reject(new Error('there is none')),
    save: async () => {},
  },
  pause: () => null,
}

/** Snapshots of all processes: those that there are, the newest first, and all that were saved. */
export type SimulatedSnapshots = { readonly kept: Snapshot[]; readonly saved: Snapshot[] }

/** The snapshots as one process reaches them. Some that it finds are broken, or of another log. */
export const reachSnapshots = (
  { kept, saved }: SimulatedSnapshots,
  store: SimulatedStore,
  { random, after, weather }: Surroundings,
): SnapshotStore => {
  const delay = async () => {
    const { failingRead } = weather()
    await new Promise<void>((resolve) => after(random.between(0, 20), resolve))
    if (random.chance(failingRead)) throw new Rejected(reject('store_unavailable'))
  }
  return {
    list: async () => {
      await delay()
      const { falseSnapshot } = weather()
      if (store.events.length > 3 && random.chance(falseSnapshot)) {
        kept.unshift(ofAnotherLog(store, random.between(2, store.events.length - 1)))
      }
      return kept.map(({ head }) => head)
    },
    read: async (head) => {
      await delay()
      const found = kept.find((one) => one.head === head)
      if (!found) throw new Error('it was dropped')
      const copy = copyOf(found)
      return random.chance(weather().falseSnapshot) ? broken(copy, random) : copy
    },
    save: async (snapshot) => {
      await delay()
      // What is stored is what it was then, whatever becomes of the bytes in memory.
      const copy = copyOf(snapshot)
      saved.push(copy)
      kept.unshift(copy)
      kept.splice(2)
    },
  }
}

/** Bytes of its own. A buffer's `slice` would be the same ones. */
const copyOf = (snapshot: Snapshot): Snapshot => ({
  ...snapshot,
  parts: snapshot.parts.map((part) => ({ ...part, bytes: new Uint8Array(part.bytes) })),
})

const broken = (snapshot: Snapshot, { between, chance }: Surroundings['random']): Snapshot => {
  const { parts } = snapshot
  if (chance(0.2)) return { ...snapshot, parts: parts.slice(1) }
  const accounts = parts.find(({ section }) => section === 'accounts')
  const part = (chance(0.7) && accounts) || parts[between(0, parts.length - 1)]!
  const place = between(0, part.bytes.length - 1)
  part.bytes[place] = (part.bytes[place] as number) ^ (1 << between(0, 7))
  return snapshot
}

/** A whole snapshot, but of a book in which somebody has more than in ours. */
const ofAnotherLog = (store: SimulatedStore, revision: number): Snapshot => {
  const book = emptyBook(bookId)
  for (const event of store.events.slice(0, revision + 1)) evolve(book, event)
  const account = findAccount(book, 'a')
  if (account) book.accounts.set(account.id, { ...account, posted: account.posted + 1_000n })
  book.hash = 'f'.repeat(64)
  return finish(packBook(book)).snapshot
}
