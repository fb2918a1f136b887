import { hash } from 'node:crypto'
import type { Kysely } from 'kysely'
import type pg from 'pg'
import { isId } from '../queries/find-account.ts'
import type { Sign } from '../queries/page.ts'
import type { BookFacts, Reading, ReadModel, RunStatement } from '../queries/query.ts'
import type { Question } from './answer-cache.ts'
import { type BookState, bookState, takeState, withState } from './book-state.ts'
import { kyselyOn } from './kysely-on.ts'
import { type Database, isUnavailable } from './postgres.ts'
import type { Live } from './projections/live.ts'
import { runNamed } from './run-named.ts'

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

type Snapshot = {
  readonly run: RunStatement
  /** Throws while it is not known. */
  readonly state: () => BookState
}

const longestMs = 60_000

/**
 * Answers from the build that is asked, if it is live in the very snapshot; else throws
 * `AnotherBuild`. Null if the book is not folded as far as was asked for: as it is in the log.
 */
export const readTransactions = (pool: Database, live: Live, sign: Sign) => {
  const schemas = new WeakMap<pg.PoolClient, string>()

  /** A connection on which the names of tables are those of a build's; all others name their schema. */
  const connect = async (schema: string): Promise<pg.PoolClient> => {
    const client = await pool.connect()
    const known = schemas.get(client)
    if (known === schema) return client
    try {
      // Parsing the state takes longer than finding it.
      const prepare = `prepare state_of_book(uuid) as ${bookState(live.sql, '$1')}`
      await client.query(`set search_path to ${schema}; ${known === undefined ? prepare : ''}`)
      schemas.set(client, schema)
      return client
    } catch (error) {
      // Nor is it known what was prepared on it.
      client.release(error as Error)
      throw error
    }
  }

  /** What is shown must be of the live build. */
  const check = (state: BookState, build: number): void => {
    if (state.live === build) return
    live.learn(state.live)
    throw new AnotherBuild(`build ${build} is not live any more`)
  }

  /** For several statements. It is opened and says what is to be known of it in one go. */
  const inTransaction = async (
    client: pg.PoolClient,
    { build, bookId }: Question,
  ): Promise<Snapshot> => {
    if (!isId(bookId)) throw new Error(`${bookId} is no id`)
    const results = (await client.query(
      `begin isolation level repeatable read read only; execute state_of_book('${bookId}')`,
    )) as unknown as { rows: [BookState] }[]
    const [state] = (results.at(-1) as { rows: [BookState] }).rows
    check(state, build)
    return { run: (text, values) => runNamed(client, text, values), state: () => state }
  }

  /** For one statement, which needs no transaction. The state comes with it. */
  const inOneStatement = (client: pg.PoolClient, { build, bookId, query }: Question): Snapshot => {
    let found: BookState | undefined
    const run: RunStatement = async (text, values) => {
      if (found) throw new Error(`${query.name} is not the one statement that it said it was`)
      const state = bookState(live.sql, `$${values.length + 1}`)
      const rows = await runNamed(client, withState(text, state), [...values, bookId])
      found = takeState(rows)
      check(found, build)
      return rows
    }
    const state = () => {
      if (!found) throw new Error(`${query.name} asks for the state of the book before it is known`)
      return found
    }
    return { run, state }
  }

  const inBuild = async (question: Question, minRevision: number | null): Promise<Shown | null> => {
    const { build, query, parameters } = question
    const client = await connect(live.schemaOf(build))
    // Whoever waits for a revision has the state looked at until it is there, and then asks.
    return minRevision === null && query.isOneStatement?.(parameters)
      ? showOnce(client, question)
      : showInTransaction(client, question, minRevision)
  }

  const showOnce = async (client: pg.PoolClient, question: Question): Promise<Shown> => {
    try {
      const shown = await show(inOneStatement(client, question), sign, question)
      client.release()
      return shown
    } catch (error) {
      client.release(isUnavailable(error) ? (error as Error) : undefined)
      throw error
    }
  }

  const showInTransaction = async (
    client: pg.PoolClient,
    question: Question,
    minRevision: number | null,
  ): Promise<Shown | null> => {
    try {
      const snapshot = await inTransaction(client, question)
      const { revision, is_lost } = snapshot.state()
      const isEarly = minRevision !== null && (is_lost || (revision ?? -1) < minRevision)
      const shown = isEarly ? null : await show(snapshot, sign, question)
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
  snapshot: Snapshot,
  sign: Sign,
  { query, bookId, parameters }: Question,
): Promise<Shown> => {
  const reading = new OneReading(snapshot, bookId, sign)
  const { data, meta, etag } = await query.run(reading, parameters)
  const body = JSON.stringify({ data, meta, errors: [] })
  const { revision, validFor } = reading
  return { body, etag: etag ?? `"${hash('sha1', body, 'base64url')}"`, revision, validFor }
}

class OneReading implements Reading {
  readonly bookId: string
  readonly sign: Sign
  readonly now = new Date()
  readonly run: RunStatement
  validFor = longestMs
  readonly validUntil: Reading['validUntil'] = (instant) => {
    if (instant === null) return
    this.validFor = Math.min(this.validFor, Date.parse(instant) - this.now.getTime())
  }
  private readonly state: Snapshot['state']
  private kysely: Kysely<ReadModel> | undefined

  constructor({ run, state }: Snapshot, bookId: string, sign: Sign) {
    this.run = run
    this.state = state
    this.bookId = bookId
    this.sign = sign
  }

  /** Made when it is asked for: what is text already does without. */
  get db(): Kysely<ReadModel> {
    this.kysely ??= kyselyOn(this.run)
    return this.kysely
  }

  get book(): BookFacts | null {
    const state = this.state()
    return state.time_zone === null ? null : (state as BookFacts)
  }

  get revision(): number {
    return this.state().revision ?? -1
  }
}

const end = async (client: pg.PoolClient, how: 'commit' | 'rollback'): Promise<void> => {
  try {
    await client.query(how)
    client.release()
  } catch (error) {
    client.release(error as Error)
  }
}
