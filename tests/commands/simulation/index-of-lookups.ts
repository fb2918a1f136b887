import type { LookupIndex } from '../../../src/commands/lookup-index.ts'
import { lookupsOf } from '../../../src/domain/lookup.ts'
import { Rejected, reject } from '../../../src/domain/rejection.ts'
import type { SimulatedStore, Surroundings } from './store.ts'

/** The lookup projection: one for all processes, always somewhat behind the log. */
export type SimulatedIndex = { checkpoint: number }

const none: ReadonlyMap<string, number> = new Map()

/** The index as one process reaches it. Every question finds it somewhat further on. */
export const reachIndex = (
  index: SimulatedIndex,
  store: SimulatedStore,
  { random, after, weather }: Surroundings,
): LookupIndex => {
  const sleep = (ms: number) => new Promise<void>((resolve) => after(ms, resolve))

  const find: LookupIndex['find'] = async (_, mentions) => {
    const { failingRead, slowRead, laggingIndex, falseIndex } = weather()
    await sleep(random.chance(slowRead) ? random.between(500, 3_000) : random.between(0, 20))
    if (random.chance(failingRead)) throw new Rejected(reject('store_unavailable'))
    const head = store.events.length - 1
    index.checkpoint = random.chance(laggingIndex)
      ? random.between(index.checkpoint, head)
      : Math.max(index.checkpoint, head)
    const { checkpoint } = index
    const asked = new Set(mentions.map(({ kind, key }) => `${kind} ${key}`))
    const revisions = new Map<string, number>()
    for (const event of store.events.slice(0, checkpoint + 1)) {
      for (const { kind, key } of lookupsOf(event)) {
        if (asked.has(`${kind} ${key}`)) revisions.set(`${kind} ${key}`, event.revision)
      }
    }
    const hash = store.events[checkpoint]?.metadata.hash ?? ''
    await sleep(random.between(0, 20))
    if (random.chance(falseIndex)) {
      if (random.chance(0.5)) return { checkpoint: { revision: head, hash: 'x' }, revisions: none }
      for (const [name, revision] of revisions) revisions.set(name, Math.max(0, revision - 1))
    }
    return { checkpoint: { revision: checkpoint, hash }, revisions }
  }
  return { find }
}
