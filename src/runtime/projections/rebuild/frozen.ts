import type pg from 'pg'
import { inTransaction } from '../../postgres.ts'
import { applyPage, readCheckpoint } from '../apply-page.ts'
import { type Build, buildLock } from '../build.ts'
import { hasLastEvent } from '../lost.ts'
import { pageReader } from '../page.ts'
import { raiseTags } from '../stale-tags.ts'
import { goOn, type Rebuilding } from './rebuilding.ts'

/** Events by which two builds may differ for the rest to be folded while both stand still. */
const maxApart = 2_000

/**
 * Runs while the builds are at the same revision in every book that neither has halted at. For that
 * their pages, and nothing else, are kept waiting for as long as it takes to fold what one has and
 * the other has not: some milliseconds. Null if that is too much yet. The wait ends with the
 * transaction; if this process stands still in it, Postgres ends it.
 */
export const whileAligned = async <Result>(
  rebuilding: Rebuilding,
  builds: readonly [Build, Build],
  run: (client: pg.PoolClient) => Promise<Result>,
): Promise<Result | null> => {
  const locks = [...builds]
    .sort((one, other) => one.id - other.id)
    .map(({ id }) => `select pg_advisory_xact_lock(${buildLock}, ${id})`)
  const begin = ['begin', `set local lock_timeout = '5s'`, ...locks].join('; ')
  return inTransaction(rebuilding.db, begin, async (client) => {
    const apart = await whatIsApart(client, builds)
    if (apart.reduce((sum, { events }) => sum + events, 0) > maxApart) return null
    for (const book of apart) await foldHere(rebuilding, book)
    return run(client)
  })
}

type Apart = {
  readonly bookId: string
  readonly behind: Build
  readonly ahead: Build
  readonly upTo: number
  readonly events: number
}

const whatIsApart = async (
  client: pg.PoolClient,
  [one, other]: readonly [Build, Build],
): Promise<Apart[]> => {
  const { rows } = await client.query<{ id: string; first: number; second: number }>(
    `select book_id as id, coalesce(first.revision, -1) as first,
       coalesce(second.revision, -1) as second
     from ${one.schema}.checkpoint as first full join ${other.schema}.checkpoint as second
       using (book_id)
     where first.revision is distinct from second.revision
       and book_id not in (select book_id from ${one.schema}.failure)
       and book_id not in (select book_id from ${other.schema}.failure)`,
  )
  return rows.map(({ id, first, second }) => ({
    bookId: id,
    behind: first < second ? one : other,
    ahead: first < second ? other : one,
    upTo: Math.max(first, second),
    events: Math.abs(first - second),
  }))
}

/** Past the wait that we ourselves impose. Where the log ends before, the build that is ahead halts. */
const foldHere = async (
  rebuilding: Rebuilding,
  { bookId, behind: build, ahead, upTo }: Apart,
): Promise<void> => {
  const { db, projecting } = rebuilding
  const read = pageReader(projecting.store)
  for (;;) {
    goOn(rebuilding)
    const checkpoint = await readCheckpoint(db, build, bookId)
    const limit = upTo - checkpoint.revision
    if (limit <= 0) return
    const page = await read(bookId, checkpoint, limit)
    if (!page) {
      if (!(await hasLastEvent(projecting, ahead, bookId))) return
      throw new Error(`book ${bookId} could not be read up to revision ${upTo}`)
    }
    const applied = await applyPage(db, build, page, { begin: 'begin' })
    if (applied?.tagsId == null) continue
    await raiseTags(projecting.cache, build, applied.tags, applied.revision)
  }
}
