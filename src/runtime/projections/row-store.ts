import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
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

/** Writes rows in place of those with the same keys, which are there. */
export const replaceRows = async (
  client: pg.PoolClient,
  place: Place,
  rows: readonly AnyRow[],
): Promise<void> => {
  if (rows.length === 0) return
  const { schema, name, table } = place
  const keys = table.primaryKey.map(quote)
  const set = Object.keys(table.columns)
    .map(quote)
    .filter((column) => !keys.includes(column))
    .map((column) => `${column} = new.${column}`)
  const { rowCount } = await client.query({
    name: `replace ${schema}.${name}`,
    text: `update ${schema}.${quote(name)} as old set ${set.join(', ')}
      from unnest(${arraysOf(table)}) as new(${Object.keys(table.columns).map(quote).join(', ')})
      where ${keys.map((key) => `old.${key} = new.${key}`).join(' and ')}`,
    values: valuesOf(table, rows),
  })
  if (rowCount !== rows.length) {
    throw new Error(`${rows.length} rows of ${schema}.${name} were folded, ${rowCount} were there`)
  }
}

/** From so many rows on COPY costs Postgres less than an array a column. */
const copyFrom = 200
/** The limit that other statements have from their connection. */
const copyMs = 20_000

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
  await client.query({
    name: `insert ${schema}.${name}`,
    text: `insert into ${schema}.${quote(name)} (${Object.keys(table.columns).map(quote).join(', ')})
      select * from unnest(${arraysOf(table)})`,
    values: valuesOf(table, rows),
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
  const copy = copyFromStream(`copy ${schema}.${quote(name)} (${names}) from stdin`)
  await pipeline(Readable.from(bytes), client.query(copy), { signal: AbortSignal.timeout(copyMs) })
}

const arraysOf = ({ columns }: Table): string =>
  Object.values(columns)
    .map(({ type }, index) => `$${index + 1}::${type}[]`)
    .join(', ')

const valuesOf = ({ columns }: Table, rows: readonly AnyRow[]): string[] =>
  Object.entries(columns).map(([column, definition]) => toArray(rows, column, definition))

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
