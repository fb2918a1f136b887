import { finished } from 'node:stream/promises'
import type pg from 'pg'
import { from as copyFromStream } from 'pg-copy-streams'
import type { Column, Key, Table } from '../../projections/table.ts'
import type { Lines } from './row-lines.ts'
import type { AnyRow } from './row-text.ts'

export type Place = { readonly schema: string; readonly name: string; readonly table: Table }

const quote = (name: string): string => `"${name}"`
const typeOf = (table: Table, column: string): string => {
  const found = table.columns[column]
  if (!found) throw new Error(`there is no column ${column}`)
  return found.type
}

/** Rows with these keys, as the fold knows them. */
export const loadRows = async (
  client: pg.Pool | pg.PoolClient,
  { schema, name, table }: Place,
  keys: readonly Key[],
): Promise<AnyRow[]> => {
  const { primaryKey, columns } = table
  const parts = keys.map((key) => (typeof key === 'object' ? key : [key]))
  const arrays = primaryKey.map((column, index) => `$${index + 1}::${typeOf(table, column)}[]`)
  const { rows } = await client.query(
    `select * from ${schema}.${quote(name)}
     where (${primaryKey.map(quote).join(', ')}) in (select * from unnest(${arrays.join(', ')}))`,
    primaryKey.map((_, index) => parts.map((part) => part[index])),
  )
  const numerics = Object.entries(columns)
    .filter(([, { type }]) => type === 'numeric(38,0)')
    .map(([column]) => column)
  for (const row of rows) {
    for (const column of numerics) if (row[column] !== null) row[column] = BigInt(row[column])
  }
  return rows
}

/** A row as the database has it, and what is to stand in its place. */
export type Replaced = { readonly before: AnyRow; readonly after: AnyRow }

/** Writes what has changed of rows that are there. */
export const replaceRows = async (
  client: pg.PoolClient,
  { schema, name, table }: Place,
  replaced: readonly Replaced[],
): Promise<void> => {
  const keys = table.primaryKey
  const changed = changedColumns(table, replaced)
  if (changed.length === 0) return
  const columns = [...keys, ...changed]
  const { rowCount } = await client.query({
    name: `${schema}.${name} ${changed.map((column) => indexOf(table, column)).join()}`,
    text: `update ${schema}.${quote(name)} as old
      set ${changed.map((column) => `${quote(column)} = new.${quote(column)}`).join(', ')}
      from unnest(${arraysOf(table, columns)}) as new(${columns.map(quote).join(', ')})
      where ${keys.map((key) => `old.${quote(key)} = new.${quote(key)}`).join(' and ')}`,
    values: valuesOf(
      table,
      columns,
      replaced.map(({ after }) => after),
    ),
  })
  const { length } = replaced
  if (rowCount !== length) {
    throw new Error(`${length} rows of ${schema}.${name} were folded, ${rowCount} were there`)
  }
}

/** Most events leave most columns as they are. */
const changedColumns = ({ primaryKey, columns }: Table, replaced: readonly Replaced[]): string[] =>
  Object.keys(columns).filter(
    (column) =>
      !primaryKey.includes(column) &&
      replaced.some(({ before, after }) => before[column] !== after[column]),
  )

const indexOf = ({ columns }: Table, column: string): number => Object.keys(columns).indexOf(column)

/** From so many rows on COPY costs less than an array a column. */
const copyFrom = 20

/** Writes new rows; `lines` are the same as COPY takes them. */
export const insertRows = async (
  client: pg.PoolClient,
  place: Place,
  rows: readonly AnyRow[],
  lines: Lines,
): Promise<void> => {
  if (rows.length === 0) return
  if (rows.length >= copyFrom) return copyRows(client, place, lines)
  const { schema, name, table } = place
  const columns = Object.keys(table.columns)
  await client.query({
    name: `insert ${schema}.${name}`,
    text: `insert into ${schema}.${quote(name)} (${columns.map(quote).join(', ')})
      select * from unnest(${arraysOf(table, columns)})`,
    values: valuesOf(table, columns, rows),
  })
}

/** The same by COPY, whatever their number. */
export const copyRows = async (
  client: pg.PoolClient,
  { schema, name, table }: Place,
  { rows, bytes }: Lines,
): Promise<void> => {
  if (rows === 0) return
  const names = Object.keys(table.columns).map(quote).join(', ')
  const copy = client.query(copyFromStream(`copy ${schema}.${quote(name)} (${names}) from stdin`))
  for (const block of bytes) copy.write(block)
  copy.end()
  await finished(copy)
}

const arraysOf = (table: Table, columns: readonly string[]): string =>
  columns.map((column, index) => `$${index + 1}::${typeOf(table, column)}[]`).join(', ')

const valuesOf = (
  { columns }: Table,
  names: readonly string[],
  rows: readonly AnyRow[],
): string[] => names.map((name) => toArray(rows, name, columns[name] as Column))

/** One column of the rows as a Postgres array literal. */
const toArray = (rows: readonly AnyRow[], column: string, { type }: Column): string => {
  const needsQuotes = type === 'text' || type === 'jsonb'
  let text = '{'
  for (const [index, row] of rows.entries()) {
    if (index > 0) text += ','
    const value = row[column]
    if (value === null || value === undefined) text += 'NULL'
    else if (needsQuotes)
      text += quoted(type === 'jsonb' ? JSON.stringify(value) : (value as string))
    else text += String(value as number | bigint | boolean | string)
  }
  return `${text}}`
}

const quoted = (text: string): string => `"${text.replace(/["\\]/g, '\\$&')}"`
