import type { TagCache } from '../../src/runtime/cache.ts'
import type { EventStore } from '../../src/runtime/event-store.ts'
import { createLogger } from '../../src/runtime/log.ts'
import { createRegistry, workerMetrics } from '../../src/runtime/metrics.ts'
import type { Database } from '../../src/runtime/postgres.ts'
import type { Projecting } from '../../src/runtime/projections/advance.ts'
import { foldMemory } from '../../src/runtime/projections/fold-memory.ts'
import { tailOf } from '../../src/runtime/projections/tail.ts'

const metrics = workerMetrics(createRegistry())
const log = createLogger('rebuild', 'warn')
const cache = { raise: async () => true } as Partial<TagCache> as TagCache
const stopping = new AbortController().signal

/** What a fold needs, of a worker that has just begun. Nobody reads what it makes. */
export const projectingOf = (db: Database, store: EventStore): Projecting => {
  return {
    db,
    store,
    tail: tailOf(store),
    memory: foldMemory(),
    cache,
    log,
    metrics,
    tell: null,
    stopping,
    rest: () => Promise.resolve(),
  }
}
