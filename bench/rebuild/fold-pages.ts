import { projections } from '../../src/projections/index.ts'
import type { EventStore } from '../../src/runtime/event-store.ts'
import type { Database } from '../../src/runtime/postgres.ts'
import { advanceAll } from '../../src/runtime/projections/advance.ts'
import type { Build } from '../../src/runtime/projections/build.ts'
import { createWhole } from '../../src/runtime/projections/schema.ts'
import { projectingOf } from './projecting.ts'

/** The event that opens the accounts, which every fold begins with. */
const opened = 1
/** So many events are folded after it. */
export const pagedEvents = 2_000

const builds: readonly Build[] = projections.map((projection, index) => ({
  id: -1 - index,
  projection,
  schema: `paged_${projection.name}`,
  stage: 'live',
}))

/** A book's first events as the worker folds them when so many come at a time: all projections. */
export const foldPages = async (
  db: Database,
  store: EventStore,
  bookId: string,
  size: number,
): Promise<number> => {
  for (const { schema, projection } of builds) {
    await db.query(`drop schema if exists ${schema} cascade`)
    await db.query(createWhole(schema, projection).join(';\n'))
  }
  let head = opened
  const readBook: EventStore['readBook'] = (id, from, limit) =>
    store.readBook(id, from, Math.min(limit, head + 1 - from))
  const projecting = projectingOf(db, { ...store, readBook })
  await advanceAll(projecting, builds, bookId)
  const start = performance.now()
  while (head < opened + pagedEvents) {
    head += size
    await advanceAll(projecting, builds, bookId)
  }
  return (performance.now() - start) / 1000
}
