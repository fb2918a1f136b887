import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from '../log.ts'
import type { Database } from '../postgres.ts'

const everyMs = 1_000
/** A page is found at the same place so often before it is ended. */
const patience = 5

/**
 * Pages of which the server has begun a statement and waits for the worker to send the rest. Whoever
 * has the lock of a row in a `checkpoint` writes a page. $1: places, of which each page is ended.
 */
const findWaiting = `
  select activity.pid, place,
    case when place = any($1) then pg_terminate_backend(activity.pid) else false end as "isEnded"
  from pg_stat_activity as activity left join pg_stat_progress_copy as copy using (pid),
    concat_ws(' ', activity.pid, backend_start, query_start, bytes_processed) as place
  where activity.datname = current_database() and usename = current_user
    and state = 'active' and wait_event = 'ClientRead'
    and exists (
      select from pg_locks join pg_class on pg_class.oid = relation
      where pg_locks.pid = activity.pid and relname = 'checkpoint' and mode = 'RowShareLock')`

type Waiting = { readonly pid: number; readonly place: string; readonly isEnded: boolean }

/**
 * Looks for pages of any worker that stand still in the midst of a COPY, and ends the sessions of
 * those that were at the same place in each of the last looks: their workers were stopped, or cut
 * off. Postgres itself has no limit for that (decision 49), and nobody else could fold the book.
 * Gives the process ids of the sessions that were ended.
 */
export const stalledPages = (db: Database): (() => Promise<number[]>) => {
  let looks = new Map<string, number>()
  return async () => {
    const stalled = [...looks].filter(([, count]) => count >= patience).map(([place]) => place)
    const { rows } = await db.query<Waiting>(findWaiting, [stalled])
    looks = new Map(rows.map(({ place }) => [place, (looks.get(place) ?? 0) + 1]))
    return rows.filter(({ isEnded }) => isEnded).map(({ pid }) => pid)
  }
}

type Ending = { readonly log: Logger; readonly stopping: AbortSignal }

/** Looks once a second until stopped. */
export const endStalledPages = async (db: Database, { log, stopping }: Ending): Promise<void> => {
  const endStalled = stalledPages(db)
  while (!stopping.aborted) {
    try {
      for (const pid of await endStalled()) {
        log.warn({ pid }, 'a page was ended whose worker stood still while it sent rows')
      }
    } catch (error) {
      log.debug({ err: error }, 'pages that stand still cannot be looked for')
    }
    await sleep(everyMs, undefined, { signal: stopping }).catch(() => {})
  }
}
