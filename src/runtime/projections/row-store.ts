import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type pg from 'pg'
import { from as copyFromStream } from 'pg-copy-streams'
import type { Column, Table } from '../../projections/table.ts'
import type { AnyRow } from './row-set.ts'

type Place = { readonly schema: string; readonly name: string; readonly table: Table }

const quote = (name: string): string => `"${name}"`

/** Rows with these ids, as the fold knows them. */
export const loadRows = async (
  client: pg.PoolClient,
  { schema, name, table }: Place,
  ids: readonly string[],
): Promise<AnyRow[]> => {
  const { rows } = await client.query(
    `select * from ${schema}.${quote(name)} where id = any($1::uuid[])`,
    [ids],
  )
  const numerics = Object.entries(table.columns)
    .filter(([, { type }]) => type === 'numeric(38,0)')
    .map(([column]) => column)
  for (const row of rows) {
    for (const column of numerics) if (row[column] !== null) row[column] = BigInt(row[column])
  }
  return rows
}

/** From so many rows on COPY costs Postgres less than an array a column. */
const copyFrom = 200
/** The limit that other statements have from their connection. */
const copyMs = 20_000

/** Writes rows at once; with `replace`, in place of those with the same id. */
export const writeRows = async (
  client: pg.PoolClient,
  place: Place,
  rows: readonly AnyRow[],
  replace: boolean,
): Promise<void> => {
  if (rows.length === 0) return
  if (!replace && rows.length >= copyFrom) return copyRows(client, place, rows)
  const { schema, name, table } = place
  const columns = Object.entries(table.columns)
  const names = columns.map(([column]) => quote(column))
  const arrays = columns.map(([, { type }], index) => `$${index + 1}::${type}[]`)
  const others = names.filter((column) => column !== '"id"')
  const set = others.map((column) => `${column} = excluded.${column}`).join(', ')
  await client.query({
    name: `${schema}.${name}.${replace ? 'replace' : 'insert'}`,
    text:
      `insert into ${schema}.${quote(name)} (${names.join(', ')}) ` +
      `select * from unnest(${arrays.join(', ')})` +
      (replace ? ` on conflict (id) do update set ${set}` : ''),
    values: columns.map(([column, definition]) => toArray(rows, column, definition)),
  })
}

const copyRows = async (
  client: pg.PoolClient,
  { schema, name, table }: Place,
  rows: readonly AnyRow[],
): Promise<void> => {
  const columns = Object.entries(table.columns)
  const names = columns.map(([column]) => quote(column)).join(', ')
  const lines = rows.map((row) => toLine(row, columns))
  const copy = copyFromStream(`copy ${schema}.${quote(name)} (${names}) from stdin`)
  const bytes = Readable.from([Buffer.from(lines.join(''))])
  await pipeline(bytes, client.query(copy), { signal: AbortSignal.timeout(copyMs) })
}

/** A row in COPY's text format. */
const toLine = (row: AnyRow, columns: readonly (readonly [string, Column])[]): string => {
  let line = ''
  let separator = ''
  for (const [column, { type }] of columns) {
    line += separator
    separator = '\t'
    const value = row[column]
    if (value === null || value === undefined) line += '\\N'
    else if (type === 'jsonb') line += escaped(JSON.stringify(value))
    else if (type === 'text') line += escaped(value as string)
    else line += String(value as number | bigint | boolean | string)
  }
  return `${line}\n`
}

const escapes: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  '\t': '\\t',
  '\n': '\\n',
  '\r': '\\r',
}
const escaped = (text: string): string => text.replace(/[\\\t\n\r]/g, (one) => escapes[one] ?? one)

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
