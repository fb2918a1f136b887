import { countLimit, isFew } from '../queries/page.ts'
import type { Database } from './postgres.ts'

/** How many rows a table has; null past ten thousand, as for every list. */
export const countRows = async (db: Database, table: string): Promise<number | null> => {
  const { rows } = await db.query<{ total: number }>(
    `select count(*) as total from (select from ${table} limit ${countLimit + 1}) as counted`,
  )
  const total = rows[0]?.total ?? 0
  return isFew(total) ? total : null
}
