import type pg from 'pg'
import { Rejected, refuse } from '../../domain/rejection.ts'
import type { Projection } from '../../projections/projection.ts'
import { type PageParameters, paged, paging, type Sign } from '../../queries/page.ts'
import type {
  FailureResource,
  ProjectedBook,
  ProjectionResource,
} from '../../queries/projections.ts'
import type { Envelope } from '../../queries/query.ts'
import { countRows } from '../count-rows.ts'
import { type EventStore, OtherLog } from '../event-store.ts'
import { available, type Database, inTransaction } from '../postgres.ts'
import { type Build, liveBuild } from './build.ts'
import { greatestLag, laggingBooks } from './lag.ts'
import { operationsOf } from './operations.ts'
import { planBuild } from './prepare.ts'
import { sharedTables } from './rebuild/copy-books.ts'
import { workingStages } from './rebuild/lease.ts'
import { listSkips, skipEvent } from './skips.ts'
import { type Scan, scanLog } from './tail.ts'

type Rebuild = {
  readonly kind: 'rebuild' | 'diff'
  readonly books: readonly string[] | null
  readonly mayDiffer: boolean
  readonly keepSeconds: number
}

type Log = Pick<EventStore, 'lastRevision' | 'readAll' | 'readBook'>

/** What an administrator can see and do of projections. */
export const administer = (
  db: Database,
  log: Log,
  projections: readonly Projection[],
  sign: Sign,
) => {
  const find = (name: string): Projection =>
    projections.find((one) => one.name === name) ?? refuse('projection_not_found')
  const liveOf = async (name: string): Promise<Build> => {
    const reason = 'No build of it is live yet. Wait for its operation to end.'
    return (await liveBuild(db, find(name))) ?? refuse('operation_not_possible', reason)
  }
  const operations = operationsOf(db, sign)
  return {
    operations,
    list: available(() =>
      Promise.all(projections.map((projection) => describe(db, log, projection))),
    ),
    books: available(async (name: string, parameters: PageParameters) =>
      listBooks(db, sign, log, await liveOf(name), parameters),
    ),
    failures: available(async (name: string, parameters: PageParameters) =>
      listFailures(db, sign, await liveOf(name), parameters),
    ),
    rebuild: available(async (name: string, rebuild: Rebuild, actor: string) =>
      operations.find(await startBuild(db, find(name), rebuild, actor)),
    ),
    rollback: available(async (name: string) => operations.find(await startReturn(db, find(name)))),
    retry: available(async (name: string, bookId: string) => {
      const { rowCount } = await db.query(
        `update ${(await liveOf(name)).schema}.failure
         set attempts = 1, failed_at = now() - interval '1 minute' where book_id = $1`,
        [bookId],
      )
      if (rowCount === 0) refuse('failure_not_found')
    }),
    skip: available(async (name: string, bookId: string, reason: string, actor: string) =>
      skipEvent(db, await liveOf(name), bookId, reason, actor),
    ),
    skips: available(async (name: string, parameters: PageParameters) =>
      listSkips(db, sign, find(name), parameters),
    ),
  }
}

/** Books that stand still in live builds. */
export const countHalted = async (
  db: Database,
  projections: readonly Projection[],
): Promise<number> => {
  let count = 0
  for (const projection of projections) {
    const live = await liveBuild(db, projection)
    if (!live) continue
    const { rows } = await db.query(`select count(*)::int4 as count from ${live.schema}.failure`)
    count += rows[0].count
  }
  return count
}

const describe = async (
  db: Database,
  log: Log,
  projection: Projection,
): Promise<ProjectionResource> => {
  const { name, version } = projection
  const none = { operation: null, schema: null, since: null, position: null, books: 0, events: 0 }
  const lags = { lag: null, lag_seconds: null }
  const unknown = { behind: null, ...lags, rate: null, swept_at: null, halted: 0 }
  const about = { name, version, is_unskippable: projection.isUnskippable ?? false }
  const live = await liveBuild(db, projection)
  if (!live) return { ...about, ...none, ...unknown }
  type Found = Omit<ProjectionResource, keyof typeof about | keyof typeof lags | 'schema'>
  const { rows } = await db.query<Found>(
    `select build.operation, live.since, scan.position::text, scan.behind, scan.rate, scan.swept_at,
       (select count(*)::int4 from ${live.schema}.checkpoint) as books,
       (select coalesce(sum(revision + 1), 0)::int8 from ${live.schema}.checkpoint) as events,
       (select count(*)::int4 from ${live.schema}.failure) as halted
     from projection.live join projection.build on build.id = live.build_id, ${live.schema}.scan
     where live.projection = $1 and live.version = $2`,
    [name, version],
  )
  const lag = await lagOf(db, log, live)
  return { ...about, ...none, ...unknown, ...rows[0], ...lag, schema: live.schema }
}

/** Null while the event store does not say how far the books are. */
const lagOf = async (db: Database, store: Log, build: Build) => {
  const scan: Scan = (after) => scanLog(store, after)
  try {
    const late = await laggingBooks({ db, store, scan }, build)
    const { events: lag, seconds: lag_seconds } = greatestLag(late, Date.now())
    return { lag, lag_seconds }
  } catch (error) {
    // In another log it is not known before the next sweep.
    const isUnknown = error instanceof Rejected || error instanceof OtherLog
    if (isUnknown) return { lag: null, lag_seconds: null }
    throw error
  }
}

const listBooks = async (
  db: Database,
  sign: Sign,
  { lastRevision }: Log,
  { id, schema }: Build,
  parameters: PageParameters,
): Promise<Envelope<ProjectedBook[]>> => {
  const pages = paging(parameters, { list: 'projected books', schema }, sign)
  const { rows: found } = await db.query<Omit<ProjectedBook, 'head' | 'lag'>>(
    `select checkpoint.book_id, checkpoint.revision, pace.rate, position::text,
       updated_at as recorded_at, failure.book_id is not null as is_halted
     from ${schema}.checkpoint
     left join ${schema}.failure on failure.book_id = checkpoint.book_id
     left join projection.pace on build_id = $4 and pace.book_id = checkpoint.book_id
     where ($1::uuid is null or checkpoint.book_id > $1)
     order by checkpoint.book_id offset $2 limit $3`,
    [pages.after?.[0] ?? null, pages.offset, pages.limit + 1, id],
  )
  const total = await countRows(db, `${schema}.checkpoint`)
  const { rows, meta } = paged(found, pages, total, ({ book_id }) => [book_id])
  const data: ProjectedBook[] = []
  for (const row of rows) {
    const head = await lastRevision(row.book_id)
    data.push({ ...row, head, lag: head - row.revision })
  }
  return { data, meta }
}

const listFailures = async (
  db: Database,
  sign: Sign,
  { schema }: Build,
  parameters: PageParameters,
): Promise<Envelope<FailureResource[]>> => {
  const pages = paging(parameters, { list: 'failures', schema }, sign)
  const { rows: found } = await db.query<FailureResource>(
    `select book_id, revision, event_id, error, stack, is_skippable, attempts, failed_at
     from ${schema}.failure
     where ($1::uuid is null or book_id > $1) order by book_id offset $2 limit $3`,
    [pages.after?.[0] ?? null, pages.offset, pages.limit + 1],
  )
  const total = await countRows(db, `${schema}.failure`)
  const { rows, meta } = paged(found, pages, total, ({ book_id }) => [book_id])
  return { data: [...rows], meta }
}

/** One build of a projection at a time: two would only take the machine from each other. */
const startBuild = (
  db: Database,
  projection: Projection,
  { kind, books, mayDiffer, keepSeconds }: Rebuild,
  actor: string,
): Promise<string> =>
  inTransaction(db, 'begin', async (client) => {
    const { name, version } = projection
    await client.query(`select pg_advisory_xact_lock(hashtext('daybook schema'))`)
    const { rows } = await client.query<{ operation: string; stage: string }>(
      `select operation, stage from projection.build
       where projection = $1 and version = $2 and stage = any($3)`,
      [name, version, workingStages],
    )
    const [running] = rows
    if (running) {
      const reason = `Operation ${running.operation} is at it (${running.stage}). Wait or cancel it.`
      refuse('operation_not_possible', reason)
    }
    const shared = books ? sharedTables(projection) : []
    if (shared.length > 0) {
      const reason = `Whose the rows of ${shared.join(', ')} are is not known. Rebuild all books.`
      refuse('operation_not_possible', reason)
    }
    if (books) await checkBooks(client, projection, books)
    const stage = books ? 'copying' : 'folding'
    const plan = { kind, stage, books, mayDiffer, keepSeconds, requestedBy: actor } as const
    return (await planBuild(client, projection, plan)).operation
  })

/** Others are copied from the live build, so it has to know these, too. */
const checkBooks = async (
  client: pg.PoolClient,
  projection: Projection,
  books: readonly string[],
): Promise<void> => {
  const live = await liveBuild(client, projection)
  const none = 'No build is live to copy other books from. Rebuild all books.'
  if (!live) return refuse('operation_not_possible', none)
  const { rows } = await client.query<{ id: string }>(
    `select id from unnest($1::uuid[]) as asked (id)
     where id not in (select book_id from ${live.schema}.checkpoint
       union all select book_id from ${live.schema}.failure) limit 1`,
    [books],
  )
  const [unknown] = rows
  if (!unknown) return
  const reason = `The live build has no book ${unknown.id}. See /v1/projections/${projection.name}/books.`
  refuse('book_not_found', reason)
}

const startReturn = async (db: Database, { name, version }: Projection): Promise<string> => {
  const { rows } = await db.query<{ operation: string }>(
    `update projection.build set stage = 'returning', stage_at = now(), is_paused = false
     where id = (
       select id from projection.build
       where projection = $1 and version = $2 and stage = 'retired' order by stage_at desc limit 1)
     returning operation`,
    [name, version],
  )
  const reason = 'There is no build to go back to: none was live before, or it was dropped.'
  return rows[0]?.operation ?? refuse('operation_not_possible', reason)
}
