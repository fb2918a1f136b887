import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { readHalts, readSchemas } from './check-rows.ts'

/** In its transaction, when all else is written; or in the midst of its commit. */
export type Place = 'page' | 'commit'
const keys: Readonly<Record<Place, number>> = { page: 1, commit: 2 }

/** Who folds a page that is held up, and the sessions in which it does. */
export type Held = { readonly worker: string; readonly pids: readonly number[] }

/** While it is shut, no page of any book comes past its place. */
export type Gate = {
  /** Waits until a worker stands before it. */
  readonly whoStands: () => Promise<Held>
  readonly open: () => Promise<void>
}

/** Connects, and ends the connection whatever becomes of the work. */
export const withDatabase = async <Result>(
  url: string,
  work: (db: pg.Client) => Promise<Result>,
): Promise<Result> => {
  const db = await connect(url)
  try {
    return await work(db)
  } finally {
    await db.end().catch(() => {})
  }
}

const connect = async (connectionString: string): Promise<pg.Client> => {
  const db = new pg.Client({ connectionString })
  db.on('error', () => {})
  await db.connect()
  return db
}

/** Both projections must be live by then. */
export const buildGates = (url: string): Promise<void> =>
  withDatabase(url, async (db) => {
    await db.query(`
      set synchronous_commit = on;
      create function pass_gate() returns trigger language plpgsql as $$
      begin
        perform pg_advisory_xact_lock_shared(tg_argv[0]::int8);
        return null;
      end $$`)
    for (const schema of await readSchemas(db)) {
      await db.query(`
        create trigger gate after update on ${schema}.checkpoint
          for each row execute function public.pass_gate(${keys.page});
        create constraint trigger commit_gate after update on ${schema}.checkpoint
          deferrable initially deferred
          for each row execute function public.pass_gate(${keys.commit})`)
    }
  })

/** Pages that are past it finish first. Workers are told by the `application_name` of their sessions. */
export const shutGate = async (url: string, place: Place): Promise<Gate> => {
  const db = await connect(url)
  await db.query('select pg_advisory_lock($1)', [keys[place]])
  const whoStands = async (): Promise<Held> => {
    for (;;) {
      const { rows } = await db.query<Held>(
        `select application_name as worker, array_agg(pid) as pids from pg_stat_activity
         where wait_event = 'advisory' and application_name <> ''
         group by application_name order by min(xact_start)`,
      )
      if (rows[0]) return rows[0]
      assert.deepEqual(await readHalts(db), [])
      await sleep(20)
    }
  }
  return { whoStands, open: () => db.end().catch(() => {}) }
}

/** Waits until these sessions have written all of their page, and nobody says what is next. */
export const untilIdle = (url: string, { pids }: Held): Promise<void> =>
  untilNone(url, pids, `state <> 'idle in transaction'`)

/** Waits until the database has ended these sessions. */
export const untilGone = (url: string, { pids }: Held): Promise<void> =>
  untilNone(url, pids, 'true')

const untilNone = (url: string, pids: readonly number[], condition: string): Promise<void> =>
  withDatabase(url, async (db) => {
    const text = `select from pg_stat_activity where pid = any($1) and ${condition}`
    while ((await db.query(text, [pids])).rowCount !== 0) await sleep(20)
  })
