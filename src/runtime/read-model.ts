import { Kysely, PostgresDialect } from 'kysely'
import { Rejected, reject } from '../domain/rejection.ts'
import { ledger } from '../projections/ledger/ledger.ts'
import { untyped } from '../projections/projection.ts'
import { getRole } from '../queries/members.ts'
import type { Sign } from '../queries/page.ts'
import type { Query, ReadModel } from '../queries/query.ts'
import { answerCache, type Question } from './answer-cache.ts'
import { type Answer, answering, type Count } from './answering.ts'
import { liveTag, type TagCache, tagOf } from './cache.ts'
import { type Database, orUnavailable } from './postgres.ts'
import { liveBuildOf } from './projections/live.ts'
import { AnotherBuild, readTransactions } from './read-transaction.ts'

export type Reader = {
  /** Who must have a role in the book; null for one who needs none. */
  readonly member: string | null
  readonly minRevision: number | null
}

export type ReadModelAccess = {
  /** Books, which no single revision belongs to. */
  readonly across: <Result>(
    run: (db: Kysely<ReadModel>, sign: Sign) => Promise<Result>,
  ) => Promise<Result>
  /** Refuses `book_not_found` where the reader has no role, `not_yet_visible` where it is too early. */
  readonly ask: <Parameters, Data>(
    query: Query<Parameters, Data>,
    bookId: string,
    parameters: Parameters,
    reader: Reader,
  ) => Promise<Answer>
}

/** Queries over one snapshot each, answered from the cache where nothing they rest on changed. */
export const readModel = (
  pool: Database,
  cache: TagCache,
  sign: Sign,
  count: Count,
): ReadModelAccess => {
  const kysely = new Kysely<ReadModel>({ dialect: new PostgresDialect({ pool }) })
  const live = liveBuildOf(pool, untyped(ledger))
  const answer = answering(readTransactions(pool, live, sign), answerCache(cache), count)

  const askBuild = async <Parameters, Data>(
    build: number,
    query: Query<Parameters, Data>,
    bookId: string,
    parameters: Parameters,
    { member, minRevision }: Reader,
  ): Promise<Answer> => {
    const question = toQuestion(build, query, bookId, parameters)
    const guard = member === null ? null : toQuestion(build, getRole, bookId, { user: member })
    const guardTags = guard?.tags ?? []
    const tags = [`book:${bookId}`, ...guardTags, ...question.tags]
    const values = await cache.read(tags.map((tag) => tagOf(build, tag)))
    const book = values?.[0]
    if (guard) {
      const guarding = values?.slice(1, 1 + guardTags.length)
      const { body } = await answer(guard, minRevision, book, guarding)
      const { data } = JSON.parse(body) as { data: { role: string | null } }
      // Somebody else's book is answered like one that is not there.
      if (data.role === null) throw new Rejected(reject('book_not_found'))
    }
    return answer(question, minRevision, book, values?.slice(1 + guardTags.length))
  }

  const ask: ReadModelAccess['ask'] = async (query, bookId, parameters, reader) => {
    for (;;) {
      const build = live.last() ?? (await orUnavailable(live.known()))
      try {
        return await askBuild(build, query, bookId, parameters, reader)
      } catch (error) {
        // Its tags say nothing of the one that is live now.
        if (!(error instanceof AnotherBuild)) throw error
      }
    }
  }

  const across: ReadModelAccess['across'] = async (run) => {
    live.learn(null)
    return run(kysely.withSchema(live.schemaOf(await live.known())), sign)
  }

  return { across: (run) => orUnavailable(across(run)), ask }
}

const toQuestion = <Parameters, Data>(
  build: number,
  query: Query<Parameters, Data>,
  bookId: string,
  parameters: Parameters,
): Question => ({
  build,
  query: query as Query<unknown, unknown>,
  bookId,
  parameters,
  name: `${build} ${query.name} ${bookId} ${JSON.stringify(parameters)}`,
  tags: [liveTag, ...query.tags(bookId, parameters)],
  comesAgain: (parameters as { readonly cursor?: string }).cursor === undefined,
})
