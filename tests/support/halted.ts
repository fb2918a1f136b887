import pg from 'pg'
import type { Daybook } from './daybook.ts'

/** What books stand still at, in any build of any projection: nothing, unless a test brought it about. */
export const haltedBooks = async ({
  environment,
}: Pick<Daybook, 'environment'>): Promise<string[]> => {
  const client = new pg.Client({ connectionString: environment['DATABASE_URL'] })
  await client.connect()
  try {
    const { rows: schemas } = await client.query<{ schema: string }>(
      `select nspname as schema from pg_class join pg_namespace on relnamespace = pg_namespace.oid
       where relname = 'failure'`,
    )
    const halted: string[] = []
    for (const { schema } of schemas) {
      const { rows } = await client.query(`select book_id, revision, error from ${schema}.failure`)
      for (const { book_id, revision, error } of rows) {
        halted.push(`${schema}: book ${book_id} at revision ${revision}: ${error}`)
      }
    }
    return halted
  } finally {
    await client.end()
  }
}
