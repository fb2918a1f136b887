import type pg from 'pg'
import { genesis } from '../../domain/chain.ts'
import type { Recorded } from '../../domain/events/index.ts'
import { type StoredEvent, upcast } from '../../domain/upcast.ts'
import type { EventStore } from '../event-store.ts'
import { type Database, inTransaction } from '../postgres.ts'
import { type Build, beginPage } from './build.ts'
import { addDigests, type KeptDigests, spellChanges, writeChanges } from './changes.ts'
import { missingRows, type RowSet, rowSet } from './row-set.ts'
import { loadRows } from './row-store.ts'

export type Checkpoint = {
  readonly revision: number
  readonly eventHash: string
  readonly epoch: number
  /** Revisions that are left out by somebody's order. */
  readonly skipped: ReadonlySet<number>
}

export type Page = {
  readonly bookId: string
  /** The checkpoint that the page was read from. */
  readonly from: Checkpoint
  readonly events: readonly Recorded[]
  /** Of the last event in the whole log. */
  readonly position: bigint
  /** The checkpoint that applying it leaves. */
  readonly next: Checkpoint
  /** Whether it ends where it does because a page is no longer, so that more is sure to follow. */
  readonly isFull: boolean
}

/** A page ends at this many events or, because one may hold a batch, this many transactions. */
const maxPageEvents = 1_000
const maxPageItems = 4_000

/** An event that cannot be folded. It halts its book in this build, and no other. */
export class Poison extends Error {
  override readonly name = 'Poison'
  readonly revision: number
  readonly eventId: string | null
  /** Whether the book could go on without the event. A log that is another cannot be helped so. */
  readonly isSkippable: boolean

  constructor(revision: number, eventId: string | null, cause: Error, isSkippable = true) {
    super(cause.message, { cause })
    this.revision = revision
    this.eventId = eventId
    this.isSkippable = isSkippable
  }
}

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

/** The next events of a book, at most `limit`, each checked to follow the one before it in the book's chain. */
export const readPage = async (
  store: Pick<EventStore, 'readBook'>,
  bookId: string,
  from: Checkpoint,
  limit: number,
): Promise<Page | null> => {
  const events: Recorded[] = []
  const maxCount = Math.min(limit, maxPageEvents)
  let position = -1n
  let items = 0
  let { revision, eventHash } = from
  for await (const logged of store.readBook(bookId, from.revision + 1, maxCount)) {
    const event = decode(logged, revision + 1, eventHash, from.skipped)
    // What stands before an event that cannot be read is folded all the same.
    if (event instanceof Poison && events.length > 0) break
    if (event instanceof Poison) throw event
    events.push(event)
    position = logged.position
    revision = event.revision
    eventHash = event.metadata.hash
    items += event.type === 'TransactionsRecorded' ? event.data.transactions.length : 1
    if (items >= maxPageItems) break
  }
  if (events.length === 0) return null
  const next = { ...from, revision, eventHash }
  const isFull = events.length >= maxCount || items >= maxPageItems
  return { bookId, from, events, position, next, isFull }
}

const decode = (
  logged: StoredEvent,
  revision: number,
  previousHash: string,
  skipped: ReadonlySet<number>,
): Recorded | Poison => {
  const poison = (error: Error, isSkippable: boolean) =>
    new Poison(revision, logged.id, error, isSkippable)
  const { metadata } = logged as Recorded
  if (logged.revision !== revision) {
    return poison(new Error(`revision ${revision} is missing in the log`), false)
  }
  if (metadata.previous_hash !== previousHash) {
    const reason = 'the event does not follow the one folded last: is the log an older copy?'
    return poison(new Error(reason), false)
  }
  try {
    // Nobody looks at more of one that is left out than its place in the chain.
    return skipped.has(revision) ? (logged as Recorded) : upcast(logged)
  } catch (error) {
    return poison(error as Error, true)
  }
}

export type Applied = {
  readonly revision: number
  /** To be raised in the cache, with the id under which they wait for it; none if nobody reads it. */
  readonly tags: readonly string[]
  readonly tagsId: number | null
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
  begin = beginPage(build),
): Promise<Applied | null> =>
  inTransaction(db, begin, async (client) => {
    const { bookId, from, events, position } = page
    const { schema } = build
    const locked = await lockCheckpoint(client, build, bookId, from)
    if (!locked) return null
    const set = rowSet(build.projection)
    await loadMissing(client, build, missingOf(build, page, set), set)
    foldEvents(build, page, set)
    const spelled = spellChanges(build, set)
    await writeChanges(client, spelled)
    const { revision, metadata } = events.at(-1) as Recorded
    const digests = addDigests(locked.digests, spelled)
    const tags = locked.isLive ? await withTagsBefore(client, schema, bookId, set.tags) : []
    const { rows } = await client.query(
      `with moved as (
         update ${schema}.checkpoint
         set revision = $2, event_hash = $3, position = $4, updated_at = $5, digests = $6
         where book_id = $1
       ), mended as (delete from ${schema}.failure where book_id = $1)
       insert into ${schema}.stale_tag (revision, tags)
       select $2, $7::text[] where $8 returning id`,
      [
        bookId,
        revision,
        metadata.hash,
        position,
        metadata.recorded_at,
        JSON.stringify(digests),
        tags,
        locked.isLive,
      ],
    )
    return { revision, tags, tagsId: rows[0]?.id ?? null }
  })

/**
 * The page's tags, and those of earlier pages that are not raised yet. The book's tag says that all
 * before it is visible, so it must never be raised ahead of what changed before it.
 */
const withTagsBefore = async (
  client: pg.PoolClient,
  schema: string,
  bookId: string,
  own: ReadonlySet<string>,
): Promise<string[]> => {
  const { rows } = await client.query<{ tags: string[] }>(
    `delete from ${schema}.stale_tag where $1 = any(tags) returning tags`,
    [`book:${bookId}`],
  )
  return [...new Set([...rows.flatMap(({ tags }) => tags), ...own])]
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
  const { rows } = await client.query<Locked>(
    `select digests, exists (select from projection.live where build_id = $5) as "isLive"
     from ${schema}.checkpoint
     where book_id = $1 and revision = $2 and event_hash = $3 and epoch = $4 for update`,
    [bookId, revision, eventHash, epoch, id],
  )
  return rows[0] ?? null
}

/** What the page touches and the set does not have, by table. */
export const missingOf = ({ projection }: Build, { bookId, events, from }: Page, set: RowSet) =>
  missingRows(projection, withoutSkipped(events, from), bookId, set)

/** Reads them into the set. */
export const loadMissing = async (
  client: Database | pg.PoolClient,
  { projection, schema }: Build,
  missing: ReturnType<typeof missingOf>,
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
