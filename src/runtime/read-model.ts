import { hash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { Kysely, PostgresDialect, sql } from 'kysely'
import { LRUCache } from 'lru-cache'
import { Rejected, reject } from '../domain/rejection.ts'
import { ledger } from '../projections/ledger/ledger.ts'
import { untyped } from '../projections/projection.ts'
import type { Query, ReadModel } from '../queries/query.ts'
import { revisionOf, type TagCache } from './cache.ts'
import { type Database, orUnavailable } from './postgres.ts'
import { liveBuildOf } from './projections/live.ts'

export type Answer = {
  /** JSON of the envelope. */
  readonly body: string
  /** The revision that it shows, or a later one that changed nothing in it. */
  readonly revision: number
}

export type ReadModelAccess = {
  /** Books, which no single revision belongs to. */
  readonly across: <Result>(run: (db: Kysely<ReadModel>) => Promise<Result>) => Promise<Result>
  readonly ask: <Parameters, Data>(
    query: Query<Parameters, Data>,
    bookId: string,
    parameters: Parameters,
    minRevision: number | null,
  ) => Promise<Answer>
}

/** How long a reader waits for the revision it asks for. */
const patience = 2_000
const cacheFor = 60_000
const recentBytes = 32 * 1024 * 1024

/** An answer in the cache, and until when it is good. */
type Kept = Answer & { readonly until: number }

/** Queries over one snapshot each, answered from the cache where nothing they rest on changed. */
export const readModel = (
  pool: Database,
  cache: TagCache,
  count: (result: 'hit' | 'miss' | 'away') => void,
): ReadModelAccess => {
  const kysely = new Kysely<ReadModel>({ dialect: new PostgresDialect({ pool }) })
  const live = liveBuildOf(pool, untyped(ledger))
  const running = new Map<string, Promise<Answer>>()
  /** In this process: an answer under the tags' present values is as good as the one in Redis. */
  const recent = new LRUCache<string, Kept>({
    maxSize: recentBytes,
    sizeCalculation: ({ body }, name) => 2 * (body.length + name.length),
  })

  const find = async (name: string): Promise<Kept | null> => {
    const own = recent.get(name)
    if (own && own.until > Date.now()) return own
    const hit = await cache.get(keyOf(name))
    if (hit === null) return null
    const kept = fromCache(hit)
    recent.set(name, kept)
    return kept
  }

  /** From the build that is live in the very snapshot; where another is, once more from that. */
  const snapshot = async <Parameters, Data>(
    query: Query<Parameters, Data>,
    bookId: string,
    parameters: Parameters,
    minRevision: number | null,
  ): Promise<(Answer & { validFor: number }) | null> => {
    for (;;) {
      const build = await live.known()
      try {
        const found = await snapshotOf(build, query, bookId, parameters, minRevision)
        if (found !== 'of another build') return found
      } catch (error) {
        if (!live.isGone(error)) throw error
        live.learn(null)
        if ((await live.known()) === build) throw error
      }
    }
  }

  const snapshotOf = async <Parameters, Data>(
    build: number,
    query: Query<Parameters, Data>,
    bookId: string,
    parameters: Parameters,
    minRevision: number | null,
  ): Promise<(Answer & { validFor: number }) | null | 'of another build'> => {
    const transaction = kysely
      .transaction()
      .setIsolationLevel('repeatable read')
      .setAccessMode('read only')
    return transaction.execute(async (db) => {
      const schema = live.schemaOf(build)
      const { rows } = await sql<{ live: number; revision: number | null }>`
        select set_config('search_path', ${schema}, true), ${sql.raw(live.sql)} as live, (
          select revision from ${sql.id(schema)}.checkpoint where book_id = ${bookId}
        ) as revision`.execute(db)
      const [snapshot] = rows
      if (snapshot?.live !== build) {
        live.learn(snapshot?.live ?? null)
        return 'of another build'
      }
      const revision = snapshot.revision ?? -1
      if (minRevision !== null && revision < minRevision) return null
      const now = new Date()
      let validFor = cacheFor
      const validUntil = (instant: string | null) => {
        if (instant !== null) validFor = Math.min(validFor, Date.parse(instant) - now.getTime())
      }
      const envelope = await query.run({ db, bookId, revision, now, validUntil }, parameters)
      return { body: JSON.stringify({ ...envelope, errors: [] }), revision, validFor }
    })
  }

  /** Concurrent misses of one answer run once. */
  const once = (key: string, load: () => Promise<Answer>): Promise<Answer> => {
    const known = running.get(key)
    if (known) return known
    const loading = load().finally(() => running.delete(key))
    running.set(key, loading)
    return loading
  }

  const ask: ReadModelAccess['ask'] = async (query, bookId, parameters, minRevision) => {
    const bookTag = `book:${bookId}`
    const own = query.tags(bookId, parameters)
    const values = await cache.read([bookTag, ...own])
    const visible = values?.[0] ? revisionOf(values[0]) : -1
    if (!values) count('away')
    if (!values || (minRevision !== null && visible < minRevision)) {
      return untilVisible(() => snapshot(query, bookId, parameters, minRevision))
    }
    const name = JSON.stringify([
      await live.known(),
      query.name,
      bookId,
      parameters,
      values.slice(1),
    ])
    const found = await find(name)
    count(found ? 'hit' : 'miss')
    if (found) return { body: found.body, revision: Math.max(found.revision, visible) }
    const { body, revision } = await once(name, async () => {
      const { body, revision, validFor } = await untilVisible(() =>
        snapshot(query, bookId, parameters, null),
      )
      const hasReachedTags = values.every((tag) => revisionOf(tag) <= revision)
      const jittered = Math.floor(validFor * (0.8 + 0.2 * Math.random()))
      if (hasReachedTags && jittered > 0) {
        const until = Date.now() + jittered
        recent.set(name, { body, revision, until })
        await cache.set(keyOf(name), `${revision} ${until}\n${body}`, jittered)
      }
      return { body, revision }
    })
    return { body, revision: Math.max(revision, visible) }
  }

  const across: ReadModelAccess['across'] = async (run) => {
    live.learn(null)
    return run(kysely.withSchema(live.schemaOf(await live.known())))
  }

  return {
    across: (run) => orUnavailable(across(run)),
    ask: (...question) => orUnavailable(ask(...question)),
  }
}

const keyOf = (name: string): string => `answer:${hash('sha1', name, 'base64url')}`

const fromCache = (hit: string): Kept => {
  const end = hit.indexOf('\n')
  const [revision, until] = hit.slice(0, end).split(' ')
  return { revision: Number(revision), until: Number(until), body: hit.slice(end + 1) }
}

/** Asks again until there is a snapshot that shows the revision. */
const untilVisible = async <Found>(load: () => Promise<Found | null>): Promise<Found> => {
  const end = Date.now() + patience
  for (let delay = 4; ; delay = Math.min(100, delay * 2)) {
    const found = await load()
    if (found) return found
    if (Date.now() + delay > end) throw new Rejected(reject('not_yet_visible'))
    await sleep(delay)
  }
}
