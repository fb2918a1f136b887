import type { Projection } from '../../../projections/projection.ts'
import type { Table } from '../../../projections/table.ts'
import { inTransaction } from '../../postgres.ts'
import type { Build } from '../build.ts'
import { quoted, type Rebuilding } from './rebuilding.ts'

/**
 * Rows of which book: a condition on `$1`, the books. A table says so by a column `book_id`, by
 * being the table of books, or by a foreign key to one that does. Null if it does not say.
 */
const ofBooks = (
  { tables }: Projection,
  schema: string,
  name: string,
  table: Table,
): string | null => {
  if ('book_id' in table.columns) return '"book_id" = any($1::uuid[])'
  if (name === 'book') return '"id" = any($1::uuid[])'
  for (const [column, target] of Object.entries(table.foreignKeys)) {
    const of = tables[target]
    const condition = of && ofBooks({ tables } as Projection, schema, target, of)
    const [key] = of?.primaryKey ?? []
    if (condition) {
      return `"${column}" in (select "${key}" from ${schema}."${target}" where ${condition})`
    }
  }
  return null
}

/** Tables whose rows cannot be told apart by book. */
export const sharedTables = (projection: Projection): string[] =>
  Object.entries(projection.tables).flatMap(([name, table]) =>
    ofBooks(projection, 'any', name, table) === null ? [name] : [],
  )

/**
 * Takes over what the live build has of all other books, with their checkpoints and digests, in one
 * snapshot. Those named are folded anew afterwards.
 */
export const copyOtherBooks = (
  { db }: Rebuilding,
  build: Build,
  source: Build,
  books: readonly string[],
): Promise<void> =>
  inTransaction(db, 'begin isolation level repeatable read', async (client) => {
    const { schema, projection } = build
    const done = await client.query(`select from ${schema}.checkpoint limit 1`)
    if (done.rowCount) return
    for (const [name, table] of Object.entries(projection.tables)) {
      const condition = ofBooks(projection, source.schema, name, table)
      if (condition === null) throw new Error(`whose the rows of ${name} are is not known`)
      const columns = Object.keys(table.columns).map((column) => `"${column}"`)
      await client.query(
        `insert into ${quoted(build, name)} (${columns.join(', ')})
         select ${columns.join(', ')} from ${quoted(source, name)} where not (${condition})`,
        [books],
      )
    }
    for (const name of ['checkpoint', 'failure']) {
      await client.query(
        `insert into ${schema}.${name} select * from ${source.schema}.${name}
         where book_id <> all($1::uuid[])`,
        [books],
      )
    }
    await client.query(
      `update ${schema}.plan set revision = checkpoint.revision
       from ${schema}.checkpoint where checkpoint.book_id = plan.book_id`,
    )
  })
