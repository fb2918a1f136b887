import { type Kysely, sql } from 'kysely'
import type { ReadModel } from '../queries/query.ts'
import type { Question } from './answer-cache.ts'
import type { Live } from './projections/live.ts'

/** What a question comes to in one snapshot of the read model. */
export type Shown = {
  /** JSON of the envelope. */
  readonly body: string
  readonly revision: number
  /** In ms: for how long it may be kept, as long as nothing that it rests on changes. */
  readonly validFor: number
}

const longestMs = 60_000

/**
 * Answers from the build that is live in the very snapshot; where another is, once more from that.
 * Null if the book is not folded as far as was asked for.
 */
export const snapshots = (kysely: Kysely<ReadModel>, live: Live) => {
  const inBuild = (
    build: number,
    { query, bookId, parameters }: Question,
    minRevision: number | null,
  ): Promise<Shown | null | 'of another build'> => {
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
      let validFor = longestMs
      const validUntil = (instant: string | null) => {
        if (instant !== null) validFor = Math.min(validFor, Date.parse(instant) - now.getTime())
      }
      const envelope = await query.run({ db, bookId, revision, now, validUntil }, parameters)
      return { body: JSON.stringify({ ...envelope, errors: [] }), revision, validFor }
    })
  }

  return async (question: Question, minRevision: number | null): Promise<Shown | null> => {
    for (;;) {
      const build = await live.known()
      try {
        const found = await inBuild(build, question, minRevision)
        if (found !== 'of another build') return found
      } catch (error) {
        if (!live.isGone(error)) throw error
        live.learn(null)
        if ((await live.known()) === build) throw error
      }
    }
  }
}
