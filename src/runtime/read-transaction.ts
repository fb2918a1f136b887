import { hash } from 'node:crypto'
import type { Kysely } from 'kysely'
import type pg from 'pg'
import { isId } from '../queries/find-account.ts'
import type { Sign } from '../queries/page.ts'
import type { BookFacts, ReadModel } from '../queries/query.ts'
import type { Question } from './answer-cache.ts'
import { kyselyOn } from './kysely-on.ts'
import type { Database } from './postgres.ts'
import type { Live } from './projections/live.ts'

/** What a question comes to in one snapshot of the read model. */
export type Shown = {
  /** JSON of the envelope. */
  readonly body: string
  readonly etag: string
  readonly revision: number
  /** In ms: for how long it may be kept, as long as nothing that it rests on changes. */
  readonly validFor: number
}

/** Another build than the one that was asked is live by now. */
export class AnotherBuild extends Error {
  override readonly name = 'AnotherBuild'
}

type State = { readonly [Fact in keyof BookFacts]: BookFacts[Fact] | null } & {
  readonly live: number | null
  readonly revision: number | null
  /** What was folded is not in the log. */
  readonly is_lost: boolean
}

const longestMs = 60_000

/**
 * Answers from the build that is asked, if it is live in the very snapshot; else throws
 * `AnotherBuild`. Null if the book is not folded as far as was asked for: as it is in the log.
 */
export const readTransactions = (pool: Database, live: Live, sign: Sign) => {
  const prepared = new WeakMap<pg.PoolClient, Set<string>>()

  /** Parsing it takes longer than running it, so that is done once a connection and build. */
  const prepareText = (schema: string): string => `
    prepare state_in_${schema}(uuid) as
      select ${live.sql} as live, checkpoint.revision, time_zone, account_count,
        transaction_count, failure.revision is not null as is_lost
      from (select $1 as asked) as asked
      left join checkpoint on checkpoint.book_id = asked
      left join failure
        on failure.book_id = asked and failure.revision <= checkpoint.revision
      left join book on book.id = asked;`

  /** Opens a snapshot and says what is to be known of it, in one go: each round trip costs. */
  const open = async (schema: string, bookId: string) => {
    if (!isId(bookId)) throw new Error(`${bookId} is no id`)
    const client = await pool.connect()
    const known = prepared.get(client) ?? new Set()
    try {
      const results = (await client.query(`
        begin isolation level repeatable read read only;
        set local search_path to ${schema};
        ${known.has(schema) ? '' : prepareText(schema)}
        execute state_in_${schema}('${bookId}')`)) as unknown as { rows: [State] }[]
      prepared.set(client, known.add(schema))
      return { client, state: (results.at(-1) as { rows: [State] }).rows[0] }
    } catch (error) {
      // Nor is it known what was prepared on it.
      client.release(error as Error)
      throw error
    }
  }

  const inBuild = async (question: Question, minRevision: number | null): Promise<Shown | null> => {
    const { build, bookId } = question
    const { client, state } = await open(live.schemaOf(build), bookId)
    try {
      if (state.live !== build) {
        live.learn(state.live)
        throw new AnotherBuild(`build ${build} is not live any more`)
      }
      const { revision, is_lost } = state
      const isEarly = minRevision !== null && (is_lost || (revision ?? -1) < minRevision)
      const shown = isEarly ? null : await show(kyselyOn(client), sign, state, question)
      // The answer is whole: nobody needs to wait for the end of a transaction that only read.
      void end(client, 'commit')
      return shown
    } catch (error) {
      await end(client, 'rollback')
      throw error
    }
  }

  return async (question: Question, minRevision: number | null): Promise<Shown | null> => {
    try {
      return await inBuild(question, minRevision)
    } catch (error) {
      if (!live.isGone(error)) throw error
      live.learn(null)
      if ((await live.known()) === question.build) throw error
      throw new AnotherBuild(`build ${question.build} was dropped`)
    }
  }
}

const show = async (
  db: Kysely<ReadModel>,
  sign: Sign,
  state: State,
  { query, bookId, parameters }: Question,
): Promise<Shown> => {
  const revision = state.revision ?? -1
  const now = new Date()
  let validFor = longestMs
  const validUntil = (instant: string | null) => {
    if (instant !== null) validFor = Math.min(validFor, Date.parse(instant) - now.getTime())
  }
  const book = state.time_zone === null ? null : (state as BookFacts)
  const reading = { db, bookId, book, revision, now, validUntil, sign }
  const { data, meta, etag } = await query.run(reading, parameters)
  const body = JSON.stringify({ data, meta, errors: [] })
  return { body, etag: etag ?? `"${hash('sha1', body, 'base64url')}"`, revision, validFor }
}

const end = async (client: pg.PoolClient, how: 'commit' | 'rollback'): Promise<void> => {
  try {
    await client.query(how)
    client.release()
  } catch (error) {
    client.release(error as Error)
  }
}
