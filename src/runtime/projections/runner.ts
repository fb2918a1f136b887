import type pg from 'pg'
import { genesis } from '../../domain/chain.ts'
import type { Recorded } from '../../domain/events/index.ts'
import { upcast } from '../../domain/upcast.ts'
import { type Projection, schemaOf } from '../../projections/projection.ts'
import type { EventStore, LoggedEvent } from '../event-store.ts'
import { type Database, inTransaction } from '../postgres.ts'
import { neededRows, type RowSet, rowSet } from './row-set.ts'
import { loadRows, writeRows } from './row-store.ts'

export type Checkpoint = {
  readonly revision: number
  readonly eventHash: string
  readonly epoch: number
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

/** An event that cannot be folded. It halts its book in this projection, and no other. */
export class Poison extends Error {
  override readonly name = 'Poison'
  readonly revision: number
  readonly eventId: string | null

  constructor(revision: number, eventId: string | null, cause: Error) {
    super(cause.message, { cause })
    this.revision = revision
    this.eventId = eventId
  }
}

export const readCheckpoint = async (
  db: Database | pg.PoolClient,
  projection: Projection,
  bookId: string,
): Promise<Checkpoint> => {
  const { rows } = await db.query(
    `select revision, event_hash as "eventHash", epoch
     from ${schemaOf(projection)}.checkpoint where book_id = $1`,
    [bookId],
  )
  return rows[0] ?? { revision: -1, eventHash: genesis(bookId), epoch: 0 }
}

/** The next events of a book, each checked to follow the one before it in the book's chain. */
export const readPage = async (
  store: EventStore,
  bookId: string,
  from: Checkpoint,
): Promise<Page | null> => {
  const events: Recorded[] = []
  let position = -1n
  let items = 0
  let { revision, eventHash } = from
  for await (const logged of store.readBook(bookId, from.revision + 1, maxPageEvents)) {
    const event = decode(logged, revision + 1, eventHash)
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
  const next = { revision, eventHash, epoch: from.epoch }
  const isFull = events.length >= maxPageEvents || items >= maxPageItems
  return { bookId, from, events, position, next, isFull }
}

const decode = (logged: LoggedEvent, revision: number, previousHash: string): Recorded | Poison => {
  try {
    const event = upcast(logged)
    if (event.revision !== revision) throw new Error(`revision ${revision} is missing in the log`)
    if (event.metadata.previous_hash !== previousHash) {
      throw new Error('the event does not follow the one folded last: is the log an older copy?')
    }
    return event
  } catch (error) {
    return new Poison(revision, logged.id, error as Error)
  }
}

/**
 * Folds a page in one transaction with the checkpoint. The checkpoint row is locked and must be
 * what the page was read from; so a late, doubled or reordered page does nothing. This is the only
 * exactly-once there is, and it needs nothing from the queue. Returns the page's cache tags, with
 * the id under which they wait to be raised, or null where another was faster.
 */
export const applyPage = (
  db: Database,
  projection: Projection,
  page: Page,
): Promise<{ id: number; tags: readonly string[]; revision: number } | null> =>
  inTransaction(db, 'begin', async (client) => {
    const { bookId, from, events, position } = page
    const schema = schemaOf(projection)
    if (!(await lockCheckpoint(client, projection, bookId, from))) return null
    const set = await foldPage(client, projection, page)
    for (const [name, table] of Object.entries(projection.tables)) {
      const place = { schema, name, table }
      const { keyed, added } = set.changed(name)
      await writeRows(client, place, keyed, true)
      await writeRows(client, place, added, false)
    }
    const last = events.at(-1) as Recorded
    const tags = await withTagsBefore(client, schema, bookId, set.tags)
    const { revision, metadata } = last
    const { rows } = await client.query(
      `with moved as (
         update ${schema}.checkpoint
         set revision = $2, event_hash = $3, position = $4, updated_at = $5 where book_id = $1
       ), mended as (delete from ${schema}.failure where book_id = $1)
       insert into ${schema}.stale_tag (revision, tags) values ($2, $6) returning id`,
      [bookId, revision, metadata.hash, position, metadata.recorded_at, tags],
    )
    return { id: rows[0].id, tags, revision: last.revision }
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

const lockCheckpoint = async (
  client: pg.PoolClient,
  projection: Projection,
  bookId: string,
  { revision, eventHash, epoch }: Checkpoint,
): Promise<boolean> => {
  const schema = schemaOf(projection)
  if (revision < 0) {
    await client.query(
      `insert into ${schema}.checkpoint (book_id, revision, event_hash, position, updated_at)
       values ($1, -1, $2, -1, now()) on conflict do nothing`,
      [bookId, eventHash],
    )
  }
  const { rowCount } = await client.query(
    `select 1 from ${schema}.checkpoint
     where book_id = $1 and revision = $2 and event_hash = $3 and epoch = $4 for update`,
    [bookId, revision, eventHash, epoch],
  )
  return rowCount === 1
}

const foldPage = async (
  client: pg.PoolClient,
  projection: Projection,
  { bookId, events }: Page,
): Promise<RowSet> => {
  const schema = schemaOf(projection)
  const set = rowSet(projection)
  for (const [name, ids] of neededRows(projection, events, bookId)) {
    const table = projection.tables[name]
    if (!table) throw new Error(`${projection.name} has no table ${name}`)
    for (const row of await loadRows(client, { schema, name, table }, [...ids])) {
      set.load(name, row)
    }
  }
  for (const event of events) {
    try {
      projection.apply(event, set.rows, bookId)
    } catch (error) {
      throw new Poison(event.revision, event.id, error as Error)
    }
  }
  return set
}

/** Keeps why a book stands still, for health, metrics and whoever mends it. */
export const recordFailure = async (
  db: Database,
  projection: Projection,
  bookId: string,
  { revision, eventId, message, stack }: Poison,
): Promise<void> => {
  await db.query(
    `insert into ${schemaOf(projection)}.failure (book_id, revision, event_id, error, stack)
     values ($1, $2, $3, $4, $5)
     on conflict (book_id) do update set revision = excluded.revision,
       event_id = excluded.event_id, error = excluded.error, stack = excluded.stack,
       attempts = failure.attempts + 1, failed_at = now()`,
    [bookId, revision, eventId, message, stack ?? null],
  )
}
