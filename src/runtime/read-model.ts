import { Kysely, PostgresDialect } from 'kysely'
import { Rejected, reject } from '../domain/rejection.ts'
import { ledger } from '../projections/ledger/ledger.ts'
import { untyped } from '../projections/projection.ts'
import { getRole } from '../queries/members.ts'
import type { Sign } from '../queries/page.ts'
import type { Query, ReadModel } from '../queries/query.ts'
import { answerCache, type Kept, type Question } from './answer-cache.ts'
import { revisionOf, type TagCache } from './cache.ts'
import { type Database, orUnavailable } from './postgres.ts'
import { liveBuildOf } from './projections/live.ts'
import { begunAfter, untilFound } from './single-flight.ts'
import { type Shown, snapshots } from './snapshot.ts'

export type Answer = {
  /** JSON of the envelope. */
  readonly body: string
  /** The entity tag, in its quotes. */
  readonly etag: string
  /** The revision that it shows, or a later one that changed nothing in it. */
  readonly revision: number
}

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

/** How long a reader waits for the revision it asks for. */
const patience = 2_000

/** Queries over one snapshot each, answered from the cache where nothing they rest on changed. */
export const readModel = (
  pool: Database,
  cache: TagCache,
  sign: Sign,
  count: (result: 'hit' | 'miss' | 'away') => void,
): ReadModelAccess => {
  const kysely = new Kysely<ReadModel>({ dialect: new PostgresDialect({ pool }) })
  const live = liveBuildOf(pool, untyped(ledger))
  const snapshot = snapshots(pool, live, sign)
  const answers = answerCache(cache)
  const running = new Map<string, Promise<Answer>>()
  const fresh = begunAfter<Answer>()

  const visible = (question: Question, minRevision: number | null): Promise<Shown> =>
    orUnavailable(
      untilFound(
        () => snapshot(question, minRevision),
        patience,
        () => new Rejected(reject('not_yet_visible')),
      ),
    )

  /** Asks Postgres, and keeps the answer if it has reached the tags that were read before. */
  const load = async (question: Question, tags: readonly string[], book: string): Promise<Kept> => {
    const { validFor, ...shown } = await visible(question, null)
    const jittered = Math.floor(validFor * (0.8 + 0.2 * Math.random()))
    const kept = { ...shown, tags, until: Date.now() + jittered }
    const hasReachedTags = [book, ...tags].every((tag) => revisionOf(tag) <= shown.revision)
    if (hasReachedTags && jittered > 0) answers.keep(question, kept)
    return kept
  }

  /** Concurrent misses of one answer run once. */
  const once = (question: Question, tags: readonly string[], book: string): Promise<Answer> => {
    const key = `${question.name} ${tags.join(' ')}`
    const known = running.get(key)
    if (known) return known
    const loading = load(question, tags, book).finally(() => running.delete(key))
    running.set(key, loading)
    return loading
  }

  const answer = async (
    question: Question,
    minRevision: number | null,
    book: string | undefined,
    tags: readonly string[] | undefined,
  ): Promise<Answer> => {
    const reached = book === undefined ? -1 : revisionOf(book)
    if (!tags || book === undefined || (minRevision !== null && reached < minRevision)) {
      if (!tags) count('away')
      return fresh(`${question.name} ${minRevision}`, () => visible(question, minRevision))
    }
    const found = answers.recent(question, tags) ?? (await answers.find(question, tags))
    count(found ? 'hit' : 'miss')
    const { body, etag, revision } = found ?? (await once(question, tags, book))
    return { body, etag, revision: Math.max(revision, reached) }
  }

  const ask: ReadModelAccess['ask'] = async (query, bookId, parameters, reader) => {
    const { member, minRevision } = reader
    const build = live.last() ?? (await orUnavailable(live.known()))
    const question = toQuestion(build, query, bookId, parameters)
    const guard = member === null ? null : toQuestion(build, getRole, bookId, { user: member })
    const guardTags = guard?.tags ?? []
    const values = await cache.read([`book:${bookId}`, ...guardTags, ...question.tags])
    const book = values?.[0]
    if (guard) {
      const tags = values?.slice(1, 1 + guardTags.length)
      const { body } = await answer(guard, minRevision, book, tags)
      const { data } = JSON.parse(body) as { data: { role: string | null } }
      // Somebody else's book is answered like one that is not there.
      if (data.role === null) throw new Rejected(reject('book_not_found'))
    }
    return answer(question, minRevision, book, values?.slice(1 + guardTags.length))
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
  query: query as Query<unknown, unknown>,
  bookId,
  parameters,
  name: `${build} ${query.name} ${bookId} ${JSON.stringify(parameters)}`,
  tags: query.tags(bookId, parameters),
})
