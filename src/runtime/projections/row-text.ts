import type { Row, Table } from '../../projections/table.ts'

export type AnyRow = Row<Table>
type Encode = (value: unknown) => string

/**
 * One text for one row, as COPY takes it and as `sqlRowText` gives it back from what is stored: so
 * what was folded and what Postgres has can be compared by their digests.
 */
export const rowText = (table: Table): ((row: AnyRow) => string) => {
  const encoders = Object.entries(table.columns).map(
    ([column, { type }]) => [column, encodes[type]] as const,
  )
  return (row) => {
    let line = ''
    let separator = ''
    for (const [column, encode] of encoders) {
      const value = row[column]
      line += separator
      line += value === null || value === undefined ? '\\N' : encode(value)
      separator = '\t'
    }
    return line
  }
}

/** The same of a stored row, as an expression of SQL. */
export const sqlRowText = (table: Table): string => {
  const texts = Object.entries(table.columns).map(([column, { type }]) => {
    const text = `"${column}"::text`
    const escaped = type === 'text' || type === 'jsonb' ? sqlEscaped(text) : text
    return `coalesce(${escaped}, '\\N')`
  })
  return texts.join(` || E'\\t' || `)
}

const asIs: Encode = (value) => `${value as string | number | bigint | boolean}`

/** Most rows of a page have one date or two in all their columns. */
let lastInstant = ''
let lastText = ''

/** 2024-02-29T12:00:00.500Z -> 2024-02-29 12:00:00.5+00, as Postgres writes it in UTC. */
const encodeInstant: Encode = (value) => {
  const instant = value as string
  if (instant === lastInstant) return lastText
  const fraction = instant.slice(19, -1).replace(/\.?0+$/, '')
  lastInstant = instant
  lastText = `${instant.slice(0, 10)} ${instant.slice(11, 19)}${fraction}+00`
  return lastText
}

const escapes: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  '\t': '\\t',
  '\n': '\\n',
  '\r': '\\r',
}
const special = /[\\\t\n\r]/
const escaped = (text: string): string =>
  special.test(text) ? text.replace(/[\\\t\n\r]/g, (one) => escapes[one] ?? one) : text

const sqlEscaped = (text: string): string =>
  `replace(replace(replace(replace(${text}, '\\', '\\\\'), E'\\t', '\\t'), E'\\n', '\\n'), E'\\r', '\\r')`

const encodes: Readonly<Record<Table['columns'][string]['type'], Encode>> = {
  uuid: asIs,
  boolean: asIs,
  int4: asIs,
  int8: asIs,
  'numeric(38,0)': asIs,
  timestamptz: encodeInstant,
  text: (value) => escaped(value as string),
  jsonb: (value) => escaped(jsonbText(value)),
}

/** JSON as Postgres writes a jsonb: keys by length, then by bytes, and a space after : and comma. */
export const jsonbText = (value: unknown): string => {
  if (typeof value === 'number' && !Number.isSafeInteger(value)) {
    throw new Error(`${value} in a jsonb column is no whole number: put it into a text`)
  }
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(jsonbText).join(', ')}]`
  const keys = Object.keys(value)
  if (keys.length > 1) keys.sort(byLength)
  const members = keys.map(
    (key) => `${JSON.stringify(key)}: ${jsonbText((value as Record<string, unknown>)[key])}`,
  )
  return `{${members.join(', ')}}`
}

const byLength = (one: string, other: string): number => {
  const [a, b] = [Buffer.from(one), Buffer.from(other)]
  return a.length - b.length || Buffer.compare(a, b)
}
