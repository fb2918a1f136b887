import { ledger } from '../../src/projections/ledger/ledger.ts'
import { type Projection, schemaOf } from '../../src/projections/projection.ts'
import type { TagCache } from '../../src/runtime/cache.ts'
import type { EventStore } from '../../src/runtime/event-store.ts'
import { createLogger } from '../../src/runtime/log.ts'
import { createRegistry, workerMetrics } from '../../src/runtime/metrics.ts'
import type { Database } from '../../src/runtime/postgres.ts'
import { advance } from '../../src/runtime/projections/advance.ts'
import { prepareSchema } from '../../src/runtime/projections/schema.ts'

const projection = { ...ledger, name: 'rebuilt' } as unknown as Projection
const metrics = workerMetrics(createRegistry())
const log = createLogger('rebuild', 'warn')
const cache = { raise: async () => true } as Partial<TagCache> as TagCache
const stopping = new AbortController().signal

/** Today's runner, from the book's first event on, into a schema of its own. */
export const foldWithRunner = async (
  db: Database,
  store: EventStore,
  bookId: string,
): Promise<number> => {
  await db.query(`drop schema if exists ${schemaOf(projection)} cascade`)
  await prepareSchema(db, projection)
  const start = performance.now()
  const projecting = { db, store, cache, log, metrics, tell: null, stopping }
  for (;;) {
    const progress = await advance(projecting, projection, bookId)
    if (progress === 'halted') throw new Error(`book ${bookId} halted`)
    if (progress === 'caught_up') return (performance.now() - start) / 1000
  }
}
