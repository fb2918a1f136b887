import type pg from 'pg'
import type { Projection } from '../../projections/projection.ts'
import type { Database } from '../postgres.ts'

/**
 * Where a build stands. `copying` to `verifying` is the way of one that is to go live: tables
 * without indexes are filled, by copies of what another build has and by folding; indexes and
 * constraints follow; what was recorded meanwhile is folded; all is checked. `live`: queries read
 * it. `retired`: they did, and may again. `returning`: they will again. The others are ends.
 */
export type Stage =
  | 'copying'
  | 'folding'
  | 'indexing'
  | 'constraining'
  | 'catching_up'
  | 'verifying'
  | 'live'
  | 'retired'
  | 'returning'
  | 'done'
  | 'failed'
  | 'cancelled'
  | 'dropped'

/** One build of a projection, in a schema of its own. */
export type Build = {
  readonly id: number
  readonly projection: Projection
  readonly schema: string
  readonly stage: Stage
}

export const buildSchema = ({ name, version }: Projection, id: number): string =>
  `${name}_v${version}_b${id}`

/** Those that the runner keeps going: the live one, and what may go live in its place. */
const kept: readonly Stage[] = ['catching_up', 'verifying', 'live', 'retired', 'returning']

type Row = { id: number; projection: string; version: number; stage: Stage }

const toBuild = (projections: readonly Projection[], row: Row): Build[] => {
  const projection = projections.find(
    ({ name, version }) => name === row.projection && version === row.version,
  )
  // Builds of another release's projections are no concern of this one.
  if (!projection) return []
  return [{ id: row.id, projection, schema: buildSchema(projection, row.id), stage: row.stage }]
}

export const keptBuilds = async (
  db: Database,
  projections: readonly Projection[],
): Promise<Build[]> => {
  const { rows } = await db.query<Row>(
    `select id, projection, version, stage from projection.build
     where stage = any($1) order by stage = 'live' desc, id`,
    [kept],
  )
  return rows.flatMap((row) => toBuild(projections, row))
}

/** The build that queries read; null as long as none of this version has gone live. */
export const liveBuild = async (
  db: Database | pg.PoolClient,
  projection: Projection,
): Promise<Build | null> => {
  const { name, version } = projection
  const { rows } = await db.query<Row>(
    `select build.id, build.projection, build.version, build.stage
     from projection.live join projection.build on build.id = live.build_id
     where live.projection = $1 and live.version = $2`,
    [name, version],
  )
  return rows.flatMap((row) => toBuild([projection], row))[0] ?? null
}

/** What a build is held against: maybe of a version that this release knows nothing of. */
export type Source = { readonly id: number; readonly schema: string; readonly version: number }

/** The live build of this version or, without one, of the newest other version. */
export const sourceOf = async (
  db: Database | pg.PoolClient,
  { name, version }: Projection,
): Promise<Source | null> => {
  const { rows } = await db.query<Source>(
    `select build_id as id, projection || '_v' || version || '_b' || build_id as schema, version
     from projection.live
     where projection = $1 order by version = $2 desc, version desc limit 1`,
    [name, version],
  )
  return rows[0] ?? null
}

/** First key of the advisory locks on builds; the second is the build. */
export const buildLock = 20_613

/** Begins a transaction that nothing but `whileAligned` keeps waiting. */
export const beginPage = ({ id }: Build): string =>
  `begin; select pg_advisory_xact_lock_shared(${buildLock}, ${id})`
