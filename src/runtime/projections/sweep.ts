import { setTimeout as sleep } from 'node:timers/promises'
import { OtherLog, type Place } from '../event-store.ts'
import { advance, type Projecting } from './advance.ts'
import { readCheckpoint } from './apply-page.ts'
import type { Build } from './build.ts'
import { type Front, foldedBooks, hasLastEvent, readFront, unseenBooks } from './lost.ts'
import { raiseStaleTags } from './stale-tags.ts'
import type { Scan, Scanned } from './tail.ts'

const booksAtOnce = 4

/** Builds that have come equally far ask for the same, which is then looked for once. */
const scanOnce = (scan: Scan): Scan => {
  const scanned = new Map<string, Promise<Scanned>>()
  return (after) => {
    const key = `${after.position} ${after.eventId}`
    const scanning = scanned.get(key) ?? scan(after)
    scanned.set(key, scanning)
    return scanning
  }
}

/**
 * Finds what the wake-ups missed. It looks at the whole log from where every book was last known to
 * be folded, and folds each book that is behind what it saw; so a lost, flushed or absent queue costs
 * latency only. A book that halted is passed over here and tried again by `retryHalted`.
 *
 * What was folded must be in the log. If it is not, the log was restored from an older copy, and the
 * books that were folded further halt: see `hasLastEvent`.
 */
export const sweep = async (
  projecting: Projecting,
  build: Build,
  scan: Scan = projecting.tail.scan,
): Promise<void> => {
  const { db, cache, stopping } = projecting
  await raiseStaleTags(db, cache, build)
  await retryHalted(projecting, build)
  for (;;) {
    const front = await readFront(db, build)
    const scanned = await unlessOther(scan(front))
    if (!scanned) {
      await checkAll(projecting, build, front)
      if (stopping.aborted) return
      continue
    }
    const { heads, isEnd } = scanned
    const unseen = await unseenBooks(db, build, front, scanned)
    await eachBook(unseen, (book) => hasLastEvent(projecting, build, book))
    let behind = 0
    await eachBook([...heads], async ([book, { revision }]) => {
      if (await foldUpTo(projecting, build, book, revision)) behind++
    })
    if (stopping.aborted) return
    await recordSweep(projecting, build, front, scanned, behind)
    await recordPace(projecting, build, [...heads.keys()])
    if (isEnd) return
  }
}

/** Some at a time, the last ones first. */
const eachBook = async <Book>(
  books: Book[],
  work: (book: Book) => Promise<unknown>,
): Promise<void> => {
  const next = async () => {
    for (let book = books.pop(); book; book = books.pop()) await work(book)
  }
  await Promise.all(Array.from({ length: booksAtOnce }, next))
}

/** Null where the log is another. */
const unlessOther = async (scanning: Promise<Scanned>): Promise<Scanned | null> => {
  try {
    return await scanning
  } catch (error) {
    if (error instanceof OtherLog) return null
    throw error
  }
}

/** Halts every book that the log has not as it was folded. All of the log is swept afterwards. */
const checkAll = async (projecting: Projecting, build: Build, after: Place): Promise<void> => {
  const { db, log, stopping } = projecting
  const { schema, projection, id } = build
  const facts = { projection: projection.name, build: id, position: String(after.position) }
  log.warn(facts, 'the log is another than before: looking for what was folded of every book')
  await eachBook(await foldedBooks(db, build), async (book) => {
    if (!stopping.aborted) await hasLastEvent(projecting, build, book)
  })
  if (stopping.aborted) return
  await db.query(`update ${schema}.scan set position = -1 where position = $1`, [after.position])
}

/** Whether the book was behind. */
const foldUpTo = async (
  projecting: Projecting,
  build: Build,
  bookId: string,
  revision: number,
): Promise<boolean> => {
  let wasBehind = false
  while (!projecting.stopping.aborted) {
    const checkpoint = await readCheckpoint(projecting.db, build, bookId)
    if (checkpoint.revision >= revision) return wasBehind
    wasBehind = true
    if ((await advance(projecting, build, bookId, { upTo: revision })) === 'halted') break
  }
  return wasBehind
}

/** What it saw, and how fast the build moved since the sweep before, by whichever worker. */
const recordSweep = async (
  { db, metrics }: Projecting,
  { id, schema, projection, stage }: Build,
  { position: after }: Front,
  { place: { position, eventId } }: Scanned,
  behind: number,
): Promise<void> => {
  // Another may have swept further meanwhile, or found that all is to be swept anew.
  await db.query(
    `with swept as (
       update ${schema}.scan set behind = $4, events = folded.events, swept_at = now(),
         position = case when position = $1 then $2 else position end,
         rate = (folded.events - scan.events) / nullif(extract(epoch from now() - swept_at), 0)
       from (select coalesce(sum(revision + 1), 0) as events from ${schema}.checkpoint) as folded
       returning position)
     insert into projection.seen as before (build_id, position, event_id)
     select $5::int8, position, $3::text from swept where position = $2
     on conflict (build_id) do update
     set position = excluded.position, event_id = excluded.event_id
     where before is distinct from excluded`,
    [after, position, eventId, behind, id],
  )
  if (stage === 'live') metrics.behind.set({ projection: projection.name }, behind)
}

/** The same of each book that had news, and of those that had some the time before. */
const recordPace = async (
  { db }: Projecting,
  { id, schema }: Build,
  books: readonly string[],
): Promise<void> => {
  await db.query(
    `insert into projection.pace as before (build_id, book_id, revision, seen_at)
     select $1, book_id, revision, clock_timestamp() from ${schema}.checkpoint
     where book_id = any($2) or book_id in (
       select book_id from projection.pace where build_id = $1 and rate is distinct from 0)
     on conflict (build_id, book_id) do update
     set revision = excluded.revision, seen_at = excluded.seen_at,
       rate = (excluded.revision - before.revision)
         / extract(epoch from excluded.seen_at - before.seen_at)
     where excluded.seen_at > before.seen_at + interval '0.5 second'`,
    [id, books],
  )
}

/** A halted book is tried again after 1, 2, 4 ... at most 60 seconds. */
const retryHalted = async (projecting: Projecting, build: Build): Promise<void> => {
  const { rows } = await projecting.db.query(
    `select book_id,
       failed_at + least(60, power(2, least(attempts, 7) - 1)) * interval '1 second' < now() as is_due
     from ${build.schema}.failure`,
  )
  const { projection, stage } = build
  if (stage === 'live') {
    projecting.metrics.halted.set({ projection: projection.name }, rows.length)
  }
  for (const { book_id, is_due } of rows) {
    if (is_due && (await hasLastEvent(projecting, build, book_id))) {
      await advance(projecting, build, book_id)
    }
  }
}

const everyMs = 1_000

/** Sweeps every second until stopped, each build that is to be kept going. */
export const sweepUntilStopped = async (
  projecting: Projecting,
  builds: () => Promise<readonly Build[]>,
): Promise<void> => {
  const { stopping, log } = projecting
  const sweepOne = async (build: Build, scan: Scan) => {
    try {
      await sweep(projecting, build, scan)
    } catch (error) {
      const { projection, id } = build
      log.warn({ err: error, projection: projection.name, build: id }, 'sweep failed')
    }
  }
  while (!stopping.aborted) {
    try {
      const scan = scanOnce(projecting.tail.scan)
      await Promise.all((await builds()).map((build) => sweepOne(build, scan)))
    } catch (error) {
      log.warn({ err: error }, 'the builds cannot be read')
    }
    await sleep(everyMs, undefined, { signal: stopping }).catch(() => {})
  }
}
