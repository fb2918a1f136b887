import { availableParallelism } from 'node:os'
import type pg from 'pg'
import type { EventStore } from '../../event-store.ts'
import { inTransaction } from '../../postgres.ts'
import type { Build, Source } from '../build.ts'
import { createBookkeeping, createTables } from '../schema.ts'
import { foldBook } from './fold-book.ts'
import { allOf, goOn, type Rebuilding } from './rebuilding.ts'

/**
 * Makes the build's schema, if it is not there, and in it the plan: which books to fold, up to
 * where. That is what `source`, another build, has folded or halted at; what comes later, or all of
 * it without a source, is left to the sweep, which goes on where that one stands.
 */
export const planSchema = (
  { db, projecting: { store } }: Rebuilding,
  build: Build,
  source: Source | null,
): Promise<void> =>
  inTransaction(db, 'begin', async (client) => {
    const { schema, projection } = build
    const known = await client.query('select 1 from pg_namespace where nspname = $1', [schema])
    if (known.rowCount) return
    await client.query(
      [
        `create schema ${schema}`,
        ...createBookkeeping(schema),
        ...createTables(schema, projection),
        `create table ${schema}.plan (book_id uuid primary key, revision int8 not null)`,
      ].join(';\n'),
    )
    if (source) {
      await planBooks(client, build, source)
      await planLost(client, build, source, store)
    }
    await client.query(
      `update projection.build set events_total =
         (select coalesce(sum(revision + 1), 0) from ${schema}.plan) where id = $1`,
      [build.id],
    )
  })

/** In one statement each: position and books are of one snapshot, or the position is the older. */
const planBooks = async (
  client: pg.PoolClient,
  { id, schema }: Build,
  { id: sourceId, schema: source }: Source,
): Promise<void> => {
  await client.query(
    `with swept as (
       update ${schema}.scan set position = (select position from ${source}.scan) returning position)
     insert into projection.seen (build_id, position, event_id)
     select $1::int8, position, event_id from swept join projection.seen using (position)
     where build_id = $2`,
    [id, sourceId],
  )
  await client.query(
    `insert into ${schema}.plan
     select book_id, greatest(checkpoint.revision, failure.revision)
     from ${source}.checkpoint full join ${source}.failure using (book_id)`,
  )
}

/** Of books that were folded from another log, all that is in this one: it was swept by that build. */
const planLost = async (
  client: pg.PoolClient,
  { schema }: Build,
  { schema: source }: Source,
  { lastRevision }: EventStore,
): Promise<void> => {
  const { rows } = await client.query<{ id: string }>(
    `select book_id as id from ${source}.checkpoint join ${source}.failure using (book_id)
     where failure.revision <= checkpoint.revision`,
  )
  for (const { id } of rows) {
    const revision = await lastRevision(id)
    await client.query(`update ${schema}.plan set revision = $2 where book_id = $1`, [id, revision])
  }
}

/** Books that are folded at once: reading one and writing another overlap even on two cores. */
const booksAtOnce = Math.max(2, Math.min(4, availableParallelism()))

/** Folds all that is planned and not done. Long books first, so that none is left alone at the end. */
export const foldPlan = async (rebuilding: Rebuilding, build: Build): Promise<void> => {
  const { schema } = build
  const { rows: books } = await rebuilding.db.query<{ id: string; revision: number }>(
    `select plan.book_id as id, plan.revision from ${schema}.plan
     left join ${schema}.checkpoint using (book_id)
     where plan.revision > coalesce(checkpoint.revision, -1)
       and not exists (select from ${schema}.failure where failure.book_id = plan.book_id)
     order by plan.revision - coalesce(checkpoint.revision, -1)`,
  )
  const foldNext = async () => {
    for (let book = books.pop(); book; book = books.pop()) {
      goOn(rebuilding)
      await foldBook(rebuilding, build, book.id, book.revision)
    }
  }
  await allOf(Array.from({ length: booksAtOnce }, foldNext))
}
