import { refuse } from '../../domain/rejection.ts'
import { type PageParameters, paged, paging, type Sign } from '../../queries/page.ts'
import type { OperationResource } from '../../queries/projections.ts'
import type { Envelope } from '../../queries/query.ts'
import { countRows } from '../count-rows.ts'
import { available, type Database } from '../postgres.ts'
import type { Stage } from './build.ts'
import { workingStages } from './rebuild/lease.ts'

type Row = {
  readonly id: number
  readonly operation: string
  readonly kind: string
  readonly projection: string
  readonly version: number
  readonly stage: Stage
  readonly books: string[] | null
  readonly is_paused: boolean
  readonly is_cancelled: boolean
  readonly events_total: number | null
  readonly events_done: number
  readonly rate: number | null
  readonly error: string | null
  readonly report: object | null
  readonly requested_by: string | null
  readonly created_at: string
  readonly stage_at: string
  readonly ended_at: string | null
  readonly drop_at: string | null
}

const isWorking = (stage: Stage): boolean => workingStages.some((one) => one === stage)

const stateOf = ({ stage, is_paused, is_cancelled }: Row): string => {
  if (!isWorking(stage)) return stage === 'failed' || stage === 'cancelled' ? stage : 'done'
  return is_paused && !is_cancelled ? 'paused' : 'running'
}

const toOperation = (row: Row): OperationResource => {
  const { stage, events_total, events_done, rate, error, report } = row
  const left = Math.max(0, (events_total ?? 0) - events_done)
  const isFolding = stage === 'folding' && rate !== null && rate > 0
  return {
    id: row.operation,
    kind: row.kind,
    projection: row.projection,
    version: row.version,
    schema: `${row.projection}_v${row.version}_b${row.id}`,
    stage,
    state: stateOf(row),
    books: row.books,
    progress: {
      events_done,
      events_total,
      rate: rate === null ? null : Math.round(rate),
      seconds_left: isFolding ? Math.ceil(left / rate) : null,
    },
    error,
    report,
    requested_by: row.requested_by,
    created_at: row.created_at,
    updated_at: row.stage_at,
    ended_at: row.ended_at,
    drop_at: row.drop_at,
  }
}

const findOperation = async (db: Database, operation: string): Promise<OperationResource> => {
  const { rows } = await db.query<Row>('select * from projection.build where operation = $1', [
    operation,
  ])
  return rows[0] ? toOperation(rows[0]) : refuse('operation_not_found')
}

/** The newest first. */
const listOperations = async (
  db: Database,
  sign: Sign,
  parameters: PageParameters,
): Promise<Envelope<OperationResource[]>> => {
  const pages = paging(parameters, { list: 'operations' }, sign)
  const { rows: found } = await db.query<Row>(
    `select * from projection.build where ($1::int8 is null or id < $1)
     order by id desc offset $2 limit $3`,
    [pages.after?.[0] ?? null, pages.offset, pages.limit + 1],
  )
  const total = await countRows(db, 'projection.build')
  const { rows, meta } = paged(found, pages, total, ({ id }) => [id])
  return { data: rows.map(toOperation), meta }
}

type Change = 'pause' | 'resume' | 'cancel' | 'drop'

const changes: Readonly<
  Record<Change, { set: string; stages: readonly Stage[]; changed: string }>
> = {
  pause: { set: 'is_paused = true', stages: workingStages, changed: 'paused' },
  resume: { set: 'is_paused = false', stages: workingStages, changed: 'resumed' },
  cancel: {
    set: 'is_cancelled = true',
    stages: workingStages.filter((one) => one !== 'returning'),
    changed: 'cancelled',
  },
  // Not at once: a reader may have begun before another build went live.
  drop: {
    set: `drop_at = greatest(now(), stage_at + interval '30 seconds')`,
    stages: ['retired'],
    changed: 'dropped',
  },
}

/**
 * Gives up the live build of a version that a newer one has taken the place of. The release that
 * reads it says from then on that it has none; if it is started anew, it builds one.
 */
const supersede = async (db: Database, operation: string): Promise<Row | undefined> => {
  const { rows } = await db.query<Row>(
    `with superseded as (
       delete from projection.live using projection.build
       where build.operation = $1 and build.id = live.build_id and exists (
         select from projection.live as newer
         where newer.projection = build.projection and newer.version > build.version)
       returning build_id)
     update projection.build
     set stage = 'retired', stage_at = now(), drop_at = now() + interval '30 seconds'
     where id in (select build_id from superseded) returning *`,
    [operation],
  )
  return rows[0]
}

/** Asks whoever works at it to pause, go on or give up; or gives up a build that was live. */
const changeOperation = async (
  db: Database,
  operation: string,
  change: Change,
): Promise<OperationResource> => {
  const { set, stages, changed: what } = changes[change]
  const { rows } = await db.query<Row>(
    `update projection.build set ${set} where operation = $1 and stage = any($2) returning *`,
    [operation, stages],
  )
  const changed = rows[0] ?? (change === 'drop' ? await supersede(db, operation) : undefined)
  if (changed) return toOperation(changed)
  const { stage } = await findOperation(db, operation)
  const reason = `It is ${stage}. Only a build that is ${stages.join(', ')} can be ${what}.`
  return refuse('operation_not_possible', reason)
}

export const operationsOf = (db: Database, sign: Sign) => ({
  find: available((operation: string) => findOperation(db, operation)),
  list: available((parameters: PageParameters) => listOperations(db, sign, parameters)),
  change: available((operation: string, change: Change) => changeOperation(db, operation, change)),
})
