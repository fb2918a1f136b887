import { type EventStore, firstPlace, type Place } from '../event-store.ts'
import type { Database } from '../postgres.ts'
import type { Projecting } from './advance.ts'
import { readCheckpoint } from './apply-page.ts'
import type { Build } from './build.ts'
import { type Checkpoint, Poison } from './page.ts'
import { noRevision } from './stale-tags.ts'
import type { Scanned } from './tail.ts'

/**
 * Whether the log has the event that a book was folded up to. Where it has not, it is another than
 * the one that was folded, say an older copy: the book is halted, and nothing applies to it that was
 * read before. Where it has it again, because the newer log was put back, the book may go on.
 */
export const hasLastEvent = async (
  { db, store, log }: Projecting,
  build: Build,
  bookId: string,
): Promise<boolean> => {
  const checkpoint = await readCheckpoint(db, build, bookId)
  const reason = await reasonOf(store, bookId, checkpoint)
  if (reason === null) {
    await db.query(`delete from ${build.schema}.failure where book_id = $1 and revision <= $2`, [
      bookId,
      checkpoint.revision,
    ])
    return true
  }
  const poison = new Poison(checkpoint.revision, null, new Error(reason), false)
  await recordLost(db, build, bookId, checkpoint, poison)
  const facts = { projection: build.projection.name, build: build.id, book: bookId }
  log.error({ ...facts, revision: checkpoint.revision, reason }, 'book halted: the log is another')
  return false
}

const reasonOf = async (
  store: EventStore,
  bookId: string,
  { revision, eventHash }: Checkpoint,
): Promise<string | null> => {
  if (revision < 0) return null
  const advice = 'it is an older copy. Rebuild the projection'
  for await (const { metadata } of store.readBook(bookId, revision, 1)) {
    if ((metadata as { hash?: unknown }).hash === eventHash) return null
    return `the log has another event at revision ${revision} than the one that was folded: ${advice}`
  }
  const last = await store.lastRevision(bookId)
  const end = last < 0 ? 'has nothing of this book' : `ends at revision ${last}`
  return `the log ${end}, and this was folded up to ${revision}: ${advice}`
}

/** With a new epoch, and a tag that promises nothing any more. Nothing, if the book has moved. */
const recordLost = async (
  db: Database,
  { schema }: Build,
  bookId: string,
  { revision, eventHash }: Checkpoint,
  { message, stack }: Poison,
): Promise<void> => {
  await db.query(
    `with lost as (
       update ${schema}.checkpoint set epoch = epoch + 1
       where book_id = $1 and revision = $2 and event_hash = $3 returning revision
     ), unsaid as (
       insert into ${schema}.stale_tag (revision, tags)
       select $7, $6::text[] from lost
     )
     insert into ${schema}.failure (book_id, revision, error, stack, is_skippable)
     select $1::uuid, revision, $4::text, $5::text, false from lost
     on conflict (book_id) do update set revision = excluded.revision, event_id = null,
       error = excluded.error, stack = excluded.stack, is_skippable = false,
       attempts = failure.attempts + 1, failed_at = now()`,
    [bookId, revision, eventHash, message, stack ?? null, [`book:${bookId}`], noRevision],
  )
}

/** From where a build is to be swept. */
export type Front = Place & {
  /** The furthest position that any book was folded up to. */
  readonly foldedTo: bigint
}

export const readFront = async (db: Database, { id, schema }: Build): Promise<Front> => {
  const { rows } = await db.query<{ position: string; eventId: string | null; foldedTo: string }>(
    `select scan.position, event_id as "eventId",
       (select coalesce(max(position), -1) from ${schema}.checkpoint) as "foldedTo"
     from ${schema}.scan
     left join projection.seen on build_id = $1 and seen.position = scan.position`,
    [id],
  )
  const [row] = rows
  if (!row) return { ...firstPlace, foldedTo: -1n }
  const { position, eventId, foldedTo } = row
  return { position: BigInt(position), eventId, foldedTo: BigInt(foldedTo) }
}

/**
 * Books that are folded up to an event which should be in what was scanned, and is not. One that
 * was folded further than the log reaches counts, too, if it was before the scan began.
 */
export const unseenBooks = async (
  db: Database,
  { schema }: Build,
  { position: after, foldedTo }: Front,
  { heads, place, isEnd }: Scanned,
): Promise<string[]> => {
  const isBeyond = isEnd && foldedTo > place.position
  if (!isBeyond && place.position === after) return []
  const { rows } = await db.query<{ id: string; revision: number; hash: string }>(
    `select book_id as id, revision, event_hash as hash from ${schema}.checkpoint
     where position > $1 and (position <= $2 or $3)
       and book_id not in (select book_id from ${schema}.failure)`,
    [after, place.position, isBeyond],
  )
  const isSeen = ({ id, revision, hash }: (typeof rows)[number]): boolean => {
    const head = heads.get(id)
    if (!head || head.revision < revision) return false
    // What follows is checked to follow when it is folded.
    return head.revision > revision || head.hash === hash
  }
  return rows.filter((row) => !isSeen(row)).map(({ id }) => id)
}

/** All that were folded, those last whose last event is the latest. */
export const foldedBooks = async (db: Database, { schema }: Build): Promise<string[]> => {
  const { rows } = await db.query<{ id: string }>(
    `select book_id as id from ${schema}.checkpoint
     where book_id not in (select book_id from ${schema}.failure) order by position`,
  )
  return rows.map(({ id }) => id)
}
