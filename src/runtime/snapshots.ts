import { promisify } from 'node:util'
import { constants, deflate, inflate } from 'node:zlib'
import type { SnapshotStore } from '../commands/snapshot-store.ts'
import type { SnapshotHead, SnapshotPart } from '../domain/snapshot/book-snapshot.ts'
import { type Database, inTransaction } from './postgres.ts'

const compress = promisify(deflate)
const expand = promisify(inflate)

const schema = `
  create schema writer;
  create table writer.snapshot (
    id int8 generated always as identity primary key,
    book_id uuid not null,
    revision int8 not null,
    hash text not null,
    format text not null,
    summary text not null,
    is_whole bool not null default false,
    created_at timestamptz not null default now());
  create index on writer.snapshot (book_id, id);
  create table writer.snapshot_part (
    snapshot_id int8 not null references writer.snapshot (id) on delete cascade,
    place int4 not null,
    section text not null,
    bytes bytea not null,
    primary key (snapshot_id, place));
  alter table writer.snapshot_part alter column bytes set storage external`

/** Creates the schema of the writers' snapshots unless it is there. */
export const prepareSnapshots = (db: Database): Promise<void> =>
  inTransaction(db, 'begin', async (client) => {
    await client.query(`select pg_advisory_xact_lock(hashtext('daybook schema'))`)
    const known = await client.query(`select 1 from pg_namespace where nspname = 'writer'`)
    if (known.rowCount === 0) await client.query(schema)
  })

const kept = 2
/** Parts of a mebibyte, as they are before they are compressed, that are read at once. */
const partsAtOnce = 16

type Listed = SnapshotHead & { readonly id: number }

/** Snapshots in Postgres, each in parts that are compressed one by one. */
export const snapshotStore = (db: Database): SnapshotStore => ({
  list: async (bookId) => {
    const { rows } = await db.query<Listed>(
      `select id, book_id as "bookId", revision, hash, format from writer.snapshot
       where book_id = $1 and is_whole order by id desc`,
      [bookId],
    )
    return rows
  },

  read: async (head) => {
    const { id } = head as Listed
    const { rows } = await db.query<{ summary: string }>(
      'select summary from writer.snapshot where id = $1',
      [id],
    )
    const [found] = rows
    if (!found) throw new Error('it was dropped')
    const parts: SnapshotPart[] = []
    for (;;) {
      const more = await readParts(db, id, parts.length)
      parts.push(...more)
      if (more.length < partsAtOnce) return { head, summary: found.summary, parts }
    }
  },

  // Without a transaction, which would have to wait for the compression, and might be ended for it.
  save: async ({ head, summary, parts }) => {
    const { bookId, revision, hash, format } = head
    const { rows } = await db.query<{ id: number }>(
      `insert into writer.snapshot (book_id, revision, hash, format, summary)
       values ($1, $2, $3, $4, $5) returning id`,
      [bookId, revision, hash, format, summary],
    )
    const id = rows[0]?.id
    for (const [place, { section, bytes }] of parts.entries()) {
      await db.query({
        name: 'snapshot.part',
        text: `insert into writer.snapshot_part (snapshot_id, place, section, bytes)
               values ($1, $2, $3, $4)`,
        values: [id, place, section, await compress(bytes, { level: speed })],
      })
    }
    await db.query('update writer.snapshot set is_whole = true where id = $1', [id])
    await dropOlder(db, bookId)
  },
})

/** By age, not by revision: a log that was restored goes on from an older one. */
const dropOlder = async (db: Database, bookId: string): Promise<void> => {
  await db.query(
    `delete from writer.snapshot where book_id = $1 and case
       when is_whole then id not in (select id from writer.snapshot
         where book_id = $1 and is_whole order by id desc limit $2)
       else created_at < now() - interval '1 hour' end`,
    [bookId, kept],
  )
}

const speed = constants.Z_BEST_SPEED

const readParts = async (db: Database, id: number, from: number): Promise<SnapshotPart[]> => {
  const { rows } = await db.query<{ section: string; bytes: Buffer }>(
    `select section, bytes from writer.snapshot_part
     where snapshot_id = $1 and place >= $2 order by place limit $3`,
    [id, from, partsAtOnce],
  )
  return Promise.all(
    rows.map(async ({ section, bytes }) => ({ section, bytes: await expand(bytes) })),
  )
}
