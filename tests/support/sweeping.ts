import { randomUUID } from 'node:crypto'
import { genesis } from '../../src/domain/chain.ts'
import type { Recorded } from '../../src/domain/events/index.ts'
import { projections } from '../../src/projections/index.ts'
import { connectEventStore, type EventStore } from '../../src/runtime/event-store.ts'
import { createLogger } from '../../src/runtime/log.ts'
import { createRegistry, workerMetrics } from '../../src/runtime/metrics.ts'
import { connectPostgres } from '../../src/runtime/postgres.ts'
import type { Projecting } from '../../src/runtime/projections/advance.ts'
import type { Build } from '../../src/runtime/projections/build.ts'
import { foldMemory } from '../../src/runtime/projections/fold-memory.ts'
import { prepareProjections } from '../../src/runtime/projections/prepare.ts'
import { createWhole } from '../../src/runtime/projections/schema.ts'
import { tailOf } from '../../src/runtime/projections/tail.ts'
import { freshEnvironment } from './daybook.ts'

/** How many events of the whole log were read, and which books' streams were. */
type Reads = { all: number; books: string[] }

/** Counts what is read through it. */
export const counted = (store: EventStore): EventStore & { readonly reads: Reads } => {
  const reads: Reads = { all: 0, books: [] }
  const readAll: EventStore['readAll'] = async function* (after, limit) {
    for await (const event of store.readAll(after, limit)) {
      reads.all++
      yield event
    }
  }
  const readBook: EventStore['readBook'] = (bookId, from, limit) => {
    reads.books.push(bookId)
    return store.readBook(bookId, from, limit)
  }
  return { ...store, readAll, readBook, reads }
}

export const hashOf = (bookId: string, revision: number, log = ''): string =>
  revision < 0 ? genesis(bookId) : `${bookId} ${revision}${log}`

export const event = (bookId: string, revision: number, change: object = {}): Recorded => ({
  type: 'CommandRefused',
  id: randomUUID(),
  revision,
  data: { command: 'Some', rejection: { code: 'too_large', message: 'no', details: [] } },
  metadata: {
    schema_version: 1,
    route: null,
    idempotency_key: null,
    recorded_at: '2024-02-29T00:00:00.000Z',
    hash: hashOf(bookId, revision),
    previous_hash: hashOf(bookId, revision - 1),
    ...change,
  } as Recorded['metadata'],
})

/** Builds that are folded by sweeps alone, and by who asks; from the log as `through` lets it be seen. */
export const openSweeping = async (
  rest: Projecting['rest'],
  through = (own: EventStore): EventStore => own,
) => {
  const { EVENTSTORE_URL, DATABASE_URL } = await freshEnvironment()
  const own = counted(connectEventStore(EVENTSTORE_URL as string))
  const log = through(own)
  const db = connectPostgres(DATABASE_URL as string, {
    max: 4,
    statementMs: 5_000,
    onError: () => {},
  })
  await prepareProjections(db, [])
  const builds = projections.map(
    (projection, id): Build => ({ id, projection, schema: `swept_${id}`, stage: 'verifying' }),
  )
  for (const { schema, projection } of builds) {
    await db.query(createWhole(schema, projection).join(';\n'))
  }
  const projecting: Projecting = {
    db,
    store: log,
    tail: tailOf(log),
    memory: foldMemory(),
    cache: { raise: async () => true, forget: async () => true } as Partial<
      Projecting['cache']
    > as Projecting['cache'],
    log: createLogger('worker', 'silent'),
    metrics: workerMetrics(createRegistry()),
    tell: null,
    stopping: new AbortController().signal,
    rest,
  }
  const close = async () => {
    await db.end()
    await own.close()
  }
  return { own, db, builds, projecting, close }
}
