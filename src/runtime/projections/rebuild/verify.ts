import type pg from 'pg'
import { inTransaction } from '../../postgres.ts'
import { type Build, type Source, sourceOf } from '../build.ts'
import { sqlDigest } from '../row-digest.ts'
import { type Difference, findDifferences } from './differences.ts'
import { whileAligned } from './frozen.ts'
import type { Rebuilding } from './rebuilding.ts'

/** What was looked at and what of it was not as it should be. */
export type Report = {
  /** Whether there was a live build of the same version to compare with. */
  readonly compared: boolean
  readonly books: number
  readonly rows: Readonly<Record<string, number>>
  /** In words. Empty: the build may go live. */
  readonly problems: readonly string[]
  /** Whether none of them is the build's own: it may go live by an order to, though it differs. */
  readonly isSound: boolean
  /** Rows that differ from the live build's, the first of each table. */
  readonly differences: readonly Difference[]
}

/**
 * Checks a build in one snapshot. Its rows, and those of the live one, are what was folded into
 * them: digests worked out by Postgres against those that every page kept. Both builds come to the
 * same in every book: digests against digests. Its invariants hold. No book has halted in it that
 * the live one, or that of the version before, has folded further. Null if the builds are too
 * far apart to be compared yet. What some books were copied from (`isCopied`) may have been wrong.
 */
export const verify = async (
  rebuilding: Rebuilding,
  build: Build,
  live: Build | null,
  isCopied: boolean,
): Promise<Report | null> => {
  const { db } = rebuilding
  return inTransaction(db, 'begin isolation level repeatable read read only', async (client) => {
    if (!live) return check(client, build, null, isCopied)
    // The snapshot is taken by the first statement, which has to come while both stand still.
    const taken = await whileAligned(rebuilding, [build, live], () => client.query('select 1'))
    return taken && check(client, build, live, isCopied)
  })
}

const check = async (
  client: pg.PoolClient,
  build: Build,
  live: Build | null,
  isCopied: boolean,
): Promise<Report> => {
  const { rows } = await client.query<{ books: number }>(
    `select count(*)::int4 as books from ${build.schema}.checkpoint`,
  )
  const own = await checkStored(client, build, 'this build')
  const faults = [
    ...(await brokenInvariants(client, build)),
    ...(await haltedBooks(client, build, await sourceOf(client, build.projection))),
  ]
  const problems = [
    ...faults,
    ...own.problems,
    ...(live ? (await checkStored(client, live, 'the live build')).problems : []),
    ...(live ? await differingBooks(client, build, live) : []),
  ]
  const differences = live && problems.length > 0 ? await findDifferences(client, build, live) : []
  const books = rows[0]?.books ?? 0
  const isSound = faults.length === 0 && (isCopied || own.problems.length === 0)
  return { compared: live !== null, books, rows: own.rows, problems, isSound, differences }
}

/** The rows of each table against the sum of what its books' checkpoints have kept. */
const checkStored = async (client: pg.PoolClient, { schema, projection }: Build, whose: string) => {
  const kept = await client.query<{ name: string; rows: number; sum: string }>(
    `select key as name, sum((value ->> 0)::int8)::int8 as rows,
       mod(sum((value ->> 1)::numeric), 18446744073709551616)::text as sum
     from ${schema}.checkpoint, jsonb_each(digests) group by key`,
  )
  const rows: Record<string, number> = {}
  const problems: string[] = []
  for (const [name, table] of Object.entries(projection.tables)) {
    const wanted = kept.rows.find((one) => one.name === name) ?? { rows: 0, sum: '0' }
    const { rows: stored } = await client.query<typeof wanted>(sqlDigest(schema, name, table))
    const [found] = stored
    rows[name] = found?.rows ?? 0
    if (found?.rows === wanted.rows && found.sum === wanted.sum) continue
    const how =
      found?.rows === wanted.rows
        ? `some of its ${wanted.rows} rows were changed`
        : `${wanted.rows} rows were, ${found?.rows} are there`
    problems.push(`${name} of ${whose} (${schema}) is not what was folded into it: ${how}.`)
  }
  return { rows, problems }
}

const shown = 3

const brokenInvariants = async (
  client: pg.PoolClient,
  { schema, projection }: Build,
): Promise<string[]> => {
  await client.query(`select set_config('search_path', $1, true)`, [schema])
  const problems: string[] = []
  for (const [name, sql] of Object.entries(projection.invariants ?? {})) {
    const { rows } = await client.query(`select * from (${sql}) as broken limit ${shown}`)
    if (rows.length > 0) problems.push(`${name}, but not here: ${JSON.stringify(rows)}`)
  }
  return problems
}

/**
 * Where this build stands still and the live one, maybe of an older version, went on. An event that
 * was left out there may halt it here: it has to be left out of each version anew.
 */
const haltedBooks = async (
  client: pg.PoolClient,
  { schema, projection }: Build,
  source: Source | null,
): Promise<string[]> => {
  if (!source) return []
  const { rows } = await client.query<{ book: string; revision: number; error: string }>(
    `select failure.book_id as book, failure.revision, failure.error from ${schema}.failure
     join ${source.schema}.checkpoint using (book_id)
     where checkpoint.revision >= failure.revision and not exists (
       select from projection.skip where skip.projection = $1 and skip.version = $2
         and skip.book_id = failure.book_id and skip.revision = failure.revision)
     limit ${shown}`,
    [projection.name, source.version],
  )
  return rows.map(
    ({ book, revision, error }) => `Book ${book} halts at revision ${revision}: ${error}.`,
  )
}

/**
 * Books at the same event whose rows, as they were folded, come to something else. Not those that
 * the live build has folded from another log than there is.
 */
const differingBooks = async (
  client: pg.PoolClient,
  build: Build,
  live: Build,
): Promise<string[]> => {
  const { rows } = await client.query<{ book: string; revision: number; tables: string[] }>(
    `select book_id as book, mine.revision, array(
       select key from jsonb_each(mine.digests) as each
       where each.value is distinct from theirs.digests -> each.key order by key
     ) as tables
     from ${build.schema}.checkpoint as mine join ${live.schema}.checkpoint as theirs
       using (book_id, revision)
     where (mine.digests <> theirs.digests or mine.event_hash <> theirs.event_hash)
       and not exists (
         select from ${live.schema}.failure as lost
         where lost.book_id = mine.book_id and lost.revision <= theirs.revision)
     limit ${shown}`,
  )
  return rows.map(
    ({ book, revision, tables }) =>
      `Book ${book} was folded to something else up to revision ${revision}: ${tables.join(', ')}.`,
  )
}
