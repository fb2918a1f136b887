import { ledger } from '../../src/projections/ledger/ledger.ts'
import { untyped } from '../../src/projections/projection.ts'
import type { EventStore } from '../../src/runtime/event-store.ts'
import type { Database } from '../../src/runtime/postgres.ts'
import type { Build } from '../../src/runtime/projections/build.ts'
import { foldPlan, planSchema } from '../../src/runtime/projections/rebuild/fill.ts'
import { makeConstraints, makeIndexes } from '../../src/runtime/projections/rebuild/finish.ts'
import { projectingOf } from './projecting.ts'

const projection = untyped(ledger)
const schema = 'rebuilt'
const build: Build = { id: 0, projection, schema, stage: 'folding' }

/** One book as a rebuild makes it, from its first event to the last constraint. */
export const rebuildBook = async (
  db: Database,
  store: EventStore,
  bookId: string,
): Promise<number> => {
  await db.query(`drop schema if exists ${schema} cascade`)
  const projecting = projectingOf(db, store)
  const rebuilding = { projecting, db, findable: new Map<string, Promise<unknown>>() }
  const start = performance.now()
  await planSchema(rebuilding, build, null)
  await db.query(`insert into ${schema}.plan values ($1, $2)`, [
    bookId,
    await store.lastRevision(bookId),
  ])
  await foldPlan(rebuilding, build)
  await makeIndexes(rebuilding, build)
  await makeConstraints(rebuilding, build)
  return (performance.now() - start) / 1000
}
