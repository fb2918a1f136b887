import { randomUUID } from 'node:crypto'
import type pg from 'pg'
import type { Projection } from '../../projections/projection.ts'
import { type Database, inTransaction } from '../postgres.ts'
import { buildSchema } from './build.ts'
import { createWhole } from './schema.ts'

/**
 * What spans builds. `build`: each with how it came about and where it stands; whoever works at one
 * holds its lease. `live`: which one queries read, by projection and version, so that two releases
 * can run beside each other. `skip`: events that are left out, by whose order and why. `use`: makes
 * a projection's tables those that the rest of a transaction names without a schema.
 */
const control = `
  create schema projection;
  create table projection.build (
    id int8 generated always as identity primary key,
    operation uuid not null unique,
    kind text not null,
    projection text not null,
    version int4 not null,
    stage text not null,
    books uuid[],
    may_differ bool not null default false,
    keep_seconds int4 not null default 0,
    is_paused bool not null default false,
    is_cancelled bool not null default false,
    events_total int8,
    events_done int8 not null default 0,
    counted_at timestamptz,
    rate float8,
    worker uuid,
    lease_until timestamptz,
    error text,
    report jsonb,
    requested_by text,
    created_at timestamptz not null default now(),
    stage_at timestamptz not null default now(),
    ended_at timestamptz,
    drop_at timestamptz,
    dropped_at timestamptz);
  create index on projection.build (stage, id);
  create table projection.live (
    projection text not null,
    version int4 not null,
    build_id int8 not null references projection.build (id),
    since timestamptz not null default now(),
    primary key (projection, version));
  create table projection.skip (
    projection text not null,
    version int4 not null,
    book_id uuid not null,
    revision int8 not null,
    event_id text,
    error text not null,
    reason text not null,
    skipped_by text not null,
    skipped_at timestamptz not null default now(),
    primary key (projection, version, book_id, revision));
  create function projection.use(wanted text) returns text language sql as $$
    select set_config('search_path', projection || '_v' || version || '_b' || build_id, true)
    from projection.live where projection = wanted order by version desc limit 1 $$`

/** How fast each book was folded when a sweep last saw it move, or come to rest. */
const pace = `
  create table if not exists projection.pace (
    build_id int8 not null,
    book_id uuid not null,
    revision int8 not null,
    rate float8,
    seen_at timestamptz not null,
    primary key (build_id, book_id))`

/** The event up to which a build was last swept, and by which the log is known again. */
const seen = `
  create table if not exists projection.seen (
    build_id int8 primary key,
    position numeric not null,
    event_id text)`

const begin = `begin; select pg_advisory_xact_lock(hashtext('daybook schema'))`

/**
 * Makes what is missing: a projection that was never built gets a live build, which the runner
 * fills from the first event on. Where an older version is live, that one goes on serving the
 * older release, and the new version is built beside it. Safe to run from many processes at once.
 */
export const prepareProjections = async (
  pool: Database,
  projections: readonly Projection[],
): Promise<void> => {
  // Apart from what follows: where wal_level is minimal, a sequence that is used in the transaction
  // that made it gives out the same numbers again after a crash.
  await inTransaction(pool, begin, async (client) => {
    const known = await client.query(`select 1 from pg_namespace where nspname = 'projection'`)
    if (known.rowCount === 0) await client.query(control)
    await client.query(pace)
    await client.query(seen)
  })
  await inTransaction(pool, begin, async (client) => {
    for (const projection of projections) await prepareOne(client, projection)
  })
}

const prepareOne = async (client: pg.PoolClient, projection: Projection): Promise<void> => {
  const { name, version } = projection
  const { rows } = await client.query<{ version: number }>(
    `select version from projection.build where projection = $1 and stage <> all($2)`,
    [name, ['failed', 'cancelled', 'dropped', 'done']],
  )
  if (rows.some((build) => build.version === version)) return
  if (rows.length > 0) {
    await planBuild(client, projection, { kind: 'rebuild', stage: 'folding' })
    return
  }
  const { id } = await planBuild(client, projection, { kind: 'first', stage: 'live' })
  const schema = buildSchema(projection, id)
  await client.query(createWhole(schema, projection).join(';\n'))
  await client.query(
    'insert into projection.live (projection, version, build_id) values ($1, $2, $3)',
    [name, version, id],
  )
}

export type Plan = {
  readonly kind: 'first' | 'rebuild' | 'diff'
  readonly stage: 'live' | 'folding' | 'copying'
  /** Those to fold anew, the others being copied; null for all. */
  readonly books?: readonly string[] | null
  readonly mayDiffer?: boolean
  /** For how long the build that was live before is kept afterwards. */
  readonly keepSeconds?: number
  readonly requestedBy?: string | null
}

/** A row for a build; its schema is made by whoever works at it. */
export const planBuild = async (
  client: pg.Pool | pg.PoolClient,
  { name, version }: Projection,
  { kind, stage, books = null, mayDiffer = false, keepSeconds = 0, requestedBy = null }: Plan,
): Promise<{ readonly id: number; readonly operation: string }> => {
  const operation = randomUUID()
  const { rows } = await client.query<{ id: number }>(
    `insert into projection.build
       (operation, kind, projection, version, stage, books, may_differ, keep_seconds, requested_by)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9) returning id`,
    [operation, kind, name, version, stage, books, mayDiffer, keepSeconds, requestedBy],
  )
  return { id: rows[0]?.id ?? 0, operation }
}
