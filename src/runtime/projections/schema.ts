import { type Projection, schemaOf } from '../../projections/projection.ts'
import type { Table } from '../../projections/table.ts'
import { type Database, inTransaction } from '../postgres.ts'

const quote = (name: string): string => `"${name}"`
const list = (names: readonly string[]): string => names.map(quote).join(', ')

const createTable = (schema: string, name: string, table: Table): string[] => {
  const columns = Object.entries(table.columns).map(
    ([column, { type, isNullable }]) => `${quote(column)} ${type}${isNullable ? '' : ' not null'}`,
  )
  const keys = Object.entries(table.foreignKeys).map(
    ([column, target]) =>
      `foreign key (${quote(column)}) references ${schema}.${quote(target)} (id)`,
  )
  const primary = `primary key (${list(table.primaryKey)})`
  return [
    `create table ${schema}.${quote(name)} (${[...columns, primary, ...keys].join(', ')})`,
    ...table.indexes.map(
      ({ columns, isUnique, where }) =>
        `create ${isUnique ? 'unique ' : ''}index on ${schema}.${quote(name)} (${list(columns)})` +
        (where ? ` where ${where}` : ''),
    ),
  ]
}

/**
 * What every projection has beside its own tables. `checkpoint`: how far each book has been folded,
 * with the hash of its last event. `scan`: up to where in the whole log every book is known to be
 * folded or halted. `failure`: the event that halted a book. `stale_tag`: cache tags to raise.
 */
const bookkeeping = (schema: string): string[] => [
  `create table ${schema}.checkpoint (
     book_id uuid primary key, revision int8 not null, event_hash text not null,
     position numeric not null, epoch int4 not null default 0, updated_at timestamptz not null)`,
  `create table ${schema}.scan (id bool primary key default true check (id), position numeric not null)`,
  `insert into ${schema}.scan (position) values (-1)`,
  `create table ${schema}.failure (
     book_id uuid primary key, revision int8 not null, event_id text, error text not null,
     stack text, attempts int4 not null default 1, failed_at timestamptz not null default now())`,
  `create table ${schema}.stale_tag (
     id int8 generated always as identity primary key, revision int8 not null, tags text[] not null)`,
]

/** Creates the projection's schema unless it is there. Safe to run from many processes at once. */
export const prepareSchema = (pool: Database, projection: Projection): Promise<void> =>
  inTransaction(pool, 'begin', async (client) => {
    const schema = schemaOf(projection)
    await client.query(`select pg_advisory_xact_lock(hashtext('daybook schema'))`)
    const known = await client.query('select 1 from pg_namespace where nspname = $1', [schema])
    if (known.rowCount) return
    const statements = [
      `create schema ${schema}`,
      ...bookkeeping(schema),
      ...Object.entries(projection.tables).flatMap(([name, table]) =>
        createTable(schema, name, table),
      ),
    ]
    await client.query(statements.join(';\n'))
  })
