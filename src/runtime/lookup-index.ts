import type { LookupIndex } from '../commands/lookup-index.ts'
import type { Mention } from '../domain/lookup.ts'
import { lookupId, lookups } from '../projections/lookup.ts'
import { untyped } from '../projections/projection.ts'
import type { Database } from './postgres.ts'
import { liveBuildOf } from './projections/live.ts'

type Found = {
  live: number
  revision: number | null
  event_hash: string | null
  id: string | null
  found_at: number | null
}

/** The `lookup` projection as a writer asks it. The database must be the primary one. */
export const lookupIndex = (db: Database): LookupIndex => {
  const live = liveBuildOf(db, untyped(lookups))

  /** One statement, so that what is not there was not there at this checkpoint. */
  const ask = async (build: number, bookId: string, ids: readonly string[]): Promise<Found[]> => {
    const schema = live.schemaOf(build)
    const { rows } = await db.query<Found>({
      name: `${schema}.find`,
      text: `
        select ${live.sql} as live, checkpoint.revision, event_hash, found.id,
          found.revision as found_at
        from (select) one
        left join ${schema}.checkpoint on book_id = $1
        left join ${schema}.lookup found on found.id = any($2::uuid[])`,
      values: [bookId, ids],
    })
    return rows
  }

  const askLive = async (bookId: string, ids: readonly string[]): Promise<Found[]> => {
    for (;;) {
      const build = await live.known()
      try {
        const rows = await ask(build, bookId, ids)
        const now = rows[0]?.live ?? null
        if (now === build) return rows
        live.learn(now)
      } catch (error) {
        if (!live.isGone(error)) throw error
        live.learn(null)
        if ((await live.known()) === build) throw error
      }
    }
  }

  return {
    find: async (bookId, mentions) => {
      const names = new Map(mentions.map((one) => [lookupId(bookId, one), nameOf(one)]))
      const rows = await askLive(bookId, [...names.keys()])
      const revisions = new Map<string, number>()
      for (const { id, found_at } of rows) {
        const name = id === null ? undefined : names.get(id)
        if (name !== undefined && found_at !== null) revisions.set(name, found_at)
      }
      const [first] = rows
      const checkpoint = { revision: first?.revision ?? -1, hash: first?.event_hash ?? '' }
      return { checkpoint, revisions }
    },
  }
}

const nameOf = ({ kind, key }: Mention): string => `${kind} ${key}`
