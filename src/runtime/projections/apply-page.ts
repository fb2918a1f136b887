import type pg from 'pg'
import { genesis } from '../../domain/chain.ts'
import type { Recorded } from '../../domain/events/index.ts'
import { type Database, inTransaction } from '../postgres.ts'
import { type Build, beginPage } from './build.ts'
import { addDigests, type KeptDigests, spellChanges, writeChanges } from './changes.ts'
import { type Checkpoint, type Page, Poison } from './page.ts'
import { missingRows, type RowSet, rowSet } from './row-set.ts'
import { loadRows } from './row-store.ts'

export const readCheckpoint = async (
  db: Database | pg.PoolClient,
  { projection, schema }: Build,
  bookId: string,
): Promise<Checkpoint> => {
  const { rows } = await db.query<{
    revision: number | null
    eventHash: string
    epoch: number
    skipped: number[] | null
  }>(
    `select checkpoint.revision, event_hash as "eventHash", epoch, skipped
     from (
       select array_agg(revision) as skipped from projection.skip
       where projection = $2 and version = $3 and book_id = $1
     ) as skips left join ${schema}.checkpoint on book_id = $1`,
    [bookId, projection.name, projection.version],
  )
  const [row] = rows
  const skipped = new Set(row?.skipped?.map(Number))
  if (!row || row.revision === null) {
    return { revision: -1, eventHash: genesis(bookId), epoch: 0, skipped }
  }
  const { revision, eventHash, epoch } = row
  return { revision, eventHash, epoch, skipped }
}

export type Applied = {
  readonly revision: number
  /** Whether queries read the build. */
  readonly isLive: boolean
  /** To be raised in the cache, with the id under which they wait for it; none if nobody reads it. */
  readonly tags: readonly string[]
  readonly tagsId: number | null
}

type Options = {
  /** What begins the transaction. */
  readonly begin?: string
  /** Rows as the page's checkpoint left them, and no other. */
  readonly set?: RowSet
  /** The id of tags that were raised by now, though they are still kept. */
  readonly raised?: number | null
}

/**
 * Folds a page in one transaction with the checkpoint. The checkpoint row is locked and must be
 * what the page was read from; so a late, doubled or reordered page does nothing. This is the only
 * exactly-once there is, and it needs nothing from the queue. Null where another was faster.
 */
export const applyPage = (
  db: Database,
  build: Build,
  page: Page,
  { begin = beginPage(build), set = rowSet(build.projection), raised = null }: Options = {},
): Promise<Applied | null> =>
  inTransaction(db, begin, async (client) => {
    const { bookId, from, events } = page
    const locked = await lockCheckpoint(client, build, bookId, from)
    if (!locked) return null
    const { isLive } = locked
    await loadMissing(client, build, missingOf(build, page, set), set)
    foldEvents(build, page, set)
    const spelled = spellChanges(build, set)
    await writeChanges(client, spelled)
    const own = set.takeTags()
    const tags =
      isLive && own.size > 0 ? await withTagsBefore(client, build, bookId, own, raised) : []
    const digests = addDigests(locked.digests, spelled)
    const tagsId = await moveCheckpoint(client, build, page, digests, tags)
    const { revision } = events.at(-1) as Recorded
    return { revision, isLive, tags, tagsId }
  })

/** The id under which the tags wait. */
const moveCheckpoint = async (
  client: pg.PoolClient,
  { schema }: Build,
  { bookId, events, position }: Page,
  digests: KeptDigests,
  tags: readonly string[],
): Promise<number | null> => {
  const { revision, metadata } = events.at(-1) as Recorded
  const { hash, recorded_at } = metadata
  const { rows } = await client.query<{ id: number }>({
    name: `${schema}.move`,
    text: `with moved as (
        update ${schema}.checkpoint
        set revision = $2, event_hash = $3, position = $4, updated_at = $5, digests = $6
        where book_id = $1
      ), mended as (delete from ${schema}.failure where book_id = $1)
      insert into ${schema}.stale_tag (revision, tags)
      select $2, $7::text[] where $7::text[] <> '{}' returning id`,
    values: [bookId, revision, hash, position, recorded_at, JSON.stringify(digests), tags],
  })
  return rows[0]?.id ?? null
}

/**
 * The page's tags, and those of earlier pages that are not raised yet. The book's tag says that all
 * before it is visible, so it must never be raised ahead of what changed before it.
 */
const withTagsBefore = async (
  client: pg.PoolClient,
  { schema }: Build,
  bookId: string,
  own: ReadonlySet<string>,
  raised: number | null,
): Promise<string[]> => {
  const { rows } = await client.query<{ id: number; tags: string[] }>({
    name: `${schema}.tags`,
    text: `delete from ${schema}.stale_tag where $1 = any(tags) returning id, tags`,
    values: [`book:${bookId}`],
  })
  const waiting = rows.filter(({ id }) => id !== raised)
  return [...new Set([...waiting.flatMap(({ tags }) => tags), ...own])]
}

type Locked = { readonly digests: KeptDigests; readonly isLive: boolean }

/** Whether queries read the build cannot change before the end of the transaction: see `beginPage`. */
export const lockCheckpoint = async (
  client: pg.PoolClient,
  { id, schema }: Build,
  bookId: string,
  { revision, eventHash, epoch }: Checkpoint,
): Promise<Locked | null> => {
  if (revision < 0) {
    await client.query(
      `insert into ${schema}.checkpoint (book_id, revision, event_hash, position, updated_at)
       values ($1, -1, $2, -1, now()) on conflict do nothing`,
      [bookId, eventHash],
    )
  }
  const { rows } = await client.query<Locked>({
    name: `${schema}.lock`,
    text: `select digests, exists (select from projection.live where build_id = $5) as "isLive"
      from ${schema}.checkpoint
      where book_id = $1 and revision = $2 and event_hash = $3 and epoch = $4 for update`,
    values: [bookId, revision, eventHash, epoch, id],
  })
  return rows[0] ?? null
}

/** Keys of rows by table. */
export type Missing = ReturnType<typeof missingRows>

/** What the page touches and the set does not have, by table. */
export const missingOf = ({ projection }: Build, { bookId, events, from }: Page, set: RowSet) =>
  missingRows(projection, withoutSkipped(events, from), bookId, set)

/** Reads them into the set. */
export const loadMissing = async (
  client: Database | pg.PoolClient,
  { projection, schema }: Build,
  missing: Missing,
  set: RowSet,
): Promise<void> => {
  for (const [name, keys] of missing) {
    const table = projection.tables[name]
    if (!table) throw new Error(`${projection.name} has no table ${name}`)
    const place = { schema, name, table }
    for (const row of await loadRows(client, place, [...keys.values()])) set.load(name, row)
  }
}

export const foldEvents = (
  { projection }: Build,
  { bookId, events, from }: Page,
  set: RowSet,
): void => {
  for (const event of withoutSkipped(events, from)) {
    try {
      projection.apply(event, set.rows, bookId)
    } catch (error) {
      throw new Poison(event.revision, event.id, error as Error)
    }
  }
}

const withoutSkipped = (
  events: readonly Recorded[],
  { skipped }: Checkpoint,
): readonly Recorded[] =>
  skipped.size === 0 ? events : events.filter(({ revision }) => !skipped.has(revision))

/** Keeps why a book stands still, for health, metrics and whoever mends it. */
export const recordFailure = async (
  db: Database,
  { schema }: Build,
  bookId: string,
  { revision, eventId, message, stack, isSkippable }: Poison,
): Promise<void> => {
  await db.query(
    `insert into ${schema}.failure (book_id, revision, event_id, error, stack, is_skippable)
     values ($1, $2, $3, $4, $5, $6)
     on conflict (book_id) do update set revision = excluded.revision,
       event_id = excluded.event_id, error = excluded.error, stack = excluded.stack,
       is_skippable = excluded.is_skippable, attempts = failure.attempts + 1, failed_at = now()`,
    [bookId, revision, eventId, message, stack ?? null, isSkippable],
  )
}
