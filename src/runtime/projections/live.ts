import { Rejected, reject } from '../../domain/rejection.ts'
import type { Projection } from '../../projections/projection.ts'
import type { Database } from '../postgres.ts'
import { buildSchema } from './build.ts'

/** The build that queries read, as far as this process knows; each snapshot tells whether it is. */
export type Live = {
  /** Its id, asked for once. */
  readonly known: () => Promise<number>
  /** Null before it was asked for, or when it may be another by now. */
  readonly last: () => number | null
  readonly schemaOf: (id: number) => string
  /** SQL of the id, for a snapshot to say which one is live in it. */
  readonly sql: string
  readonly learn: (id: number | null) => void
  /** Whether a query failed because its build was dropped. */
  readonly isGone: (error: unknown) => boolean
}

const goneCodes = new Set(['42P01', '3F000'])

export const liveBuildOf = (db: Database, projection: Projection): Live => {
  const { name, version } = projection
  const sql = `(select build_id from projection.live
    where projection = '${name}' and version = ${version})`
  let known: number | null = null
  return {
    sql,
    schemaOf: (id) => buildSchema(projection, id),
    known: async () => {
      if (known !== null) return known
      const { rows } = await db.query<{ id: number | null }>(`select ${sql} as id`)
      known = rows[0]?.id ?? null
      if (known !== null) return known
      const reason = `Version ${version} of ${name} is being built for the first time. Try again.`
      throw new Rejected(reject('not_yet_visible', reason))
    },
    last: () => known,
    learn: (id) => {
      known = id
    },
    isGone: (error) => goneCodes.has(String((error as { code?: unknown } | null)?.code)),
  }
}
