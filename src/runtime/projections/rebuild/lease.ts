import type { Projection } from '../../../projections/projection.ts'
import type { Database } from '../../postgres.ts'
import { type Build, buildSchema, type Stage } from '../build.ts'

/** Stages at which somebody has to work. */
export const workingStages = [
  'copying',
  'folding',
  'indexing',
  'constraining',
  'catching_up',
  'verifying',
  'returning',
] as const satisfies readonly Stage[]

/** A build to work at, and what was asked for. */
export type Leased = {
  readonly build: Build
  readonly kind: 'first' | 'rebuild' | 'diff'
  readonly books: readonly string[] | null
  readonly mayDiffer: boolean
  readonly keepSeconds: number
}

/** So long nobody else takes over from a worker that says nothing. */
const leaseSeconds = 10

type Row = Omit<Leased, 'build'> & {
  readonly id: number
  readonly projection: string
  readonly version: number
  readonly stage: Stage
}

/** The oldest build that waits for work, ours until the lease is given back or not renewed. */
export const takeLease = async (
  db: Database,
  projections: readonly Projection[],
  worker: string,
): Promise<Leased | null> => {
  const { rows } = await db.query<Row>(
    `update projection.build set worker = $1, lease_until = now() + $2 * interval '1 second'
     where id = (
       select id from projection.build
       where stage = any($3) and (is_cancelled or not is_paused) and (lease_until is null or lease_until < now())
         and (projection, version) in (select * from unnest($4::text[], $5::int4[]))
       order by id limit 1 for update skip locked)
     returning id, projection, version, stage, kind, books, may_differ as "mayDiffer",
       keep_seconds as "keepSeconds"`,
    [
      worker,
      leaseSeconds,
      workingStages,
      projections.map(({ name }) => name),
      projections.map(({ version }) => version),
    ],
  )
  const [row] = rows
  if (!row) return null
  const { id, projection: name, version, stage, ...asked } = row
  const projection = projections.find((one) => one.name === name && one.version === version)
  if (!projection) throw new Error(`no projection ${name} version ${version}`)
  return { build: { id, projection, schema: buildSchema(projection, id), stage }, ...asked }
}

/** What became of the build meanwhile: another has it, or somebody wants the work to end. */
export type Renewed = 'ours' | 'lost' | 'paused' | 'cancelled'

/** Renews the lease and says how far the build is. */
export const renewLease = async (
  db: Database,
  { id, schema }: Build,
  worker: string,
): Promise<Renewed> => {
  const { rows } = await db.query<{ isPaused: boolean; isCancelled: boolean; exists: boolean }>(
    `update projection.build set lease_until = now() + $3 * interval '1 second'
     where id = $1 and worker = $2 and stage = any($4)
     returning is_paused as "isPaused", is_cancelled as "isCancelled",
       to_regclass($5) is not null as exists`,
    [id, worker, leaseSeconds, workingStages, `${schema}.checkpoint`],
  )
  const [row] = rows
  if (!row) return 'lost'
  if (row.exists) {
    await db.query(
      `update projection.build set events_done = folded.events, counted_at = now(),
         rate = greatest(0, folded.events - events_done)
           / nullif(extract(epoch from now() - counted_at), 0)
       from (select coalesce(sum(revision + 1), 0)::int8 as events from ${schema}.checkpoint) as folded
       where id = $1`,
      [id],
    )
  }
  return row.isCancelled ? 'cancelled' : row.isPaused ? 'paused' : 'ours'
}

/** Lets others have it, after a pause where trying again at once would help nobody. */
export const giveBack = async (
  db: Database,
  { id }: Build,
  worker: string,
  pauseSeconds = 0,
): Promise<void> => {
  await db.query(
    `update projection.build set worker = null, lease_until = now() + $3 * interval '1 second'
     where id = $1 and worker = $2`,
    [id, worker, pauseSeconds],
  )
}

/** One stage on, if it is still ours and where we think it is. What was folded is all that was planned. */
export const moveOn = async (
  db: Database,
  { id, stage }: Build,
  worker: string,
  to: Stage,
): Promise<boolean> => {
  const { rowCount } = await db.query(
    `update projection.build set stage = $4, stage_at = now(),
       events_done = case stage when 'folding' then coalesce(events_total, 0) else events_done end
     where id = $1 and worker = $2 and stage = $3`,
    [id, worker, stage, to],
  )
  return rowCount === 1
}

/** The end of a build that does not go live, with what there is to say about it. */
export const endBuild = async (
  db: Database,
  { id }: Build,
  worker: string,
  stage: 'done' | 'failed' | 'cancelled',
  { error = null, report = null }: { error?: string | null; report?: object | null } = {},
): Promise<void> => {
  await db.query(
    `update projection.build set stage = $3, stage_at = now(), ended_at = now(),
       error = $4, report = coalesce($5, report), worker = null, lease_until = null
     where id = $1 and worker = $2`,
    [id, worker, stage, error, report && JSON.stringify(report)],
  )
}

/** Keeps what a verification found. */
export const keepReport = async (db: Database, { id }: Build, report: object): Promise<void> => {
  await db.query('update projection.build set report = $2 where id = $1', [
    id,
    JSON.stringify(report),
  ])
}
