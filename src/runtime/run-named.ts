import type pg from 'pg'
import { plannedByValues } from '../queries/filters.ts'

/** Statements of lists with filters: their texts are many, but few of them come again and again. */
const maxNames = 400
/** Longer ones name rows one by one, and are hardly ever the same text twice. */
const maxParameters = 12
const names = new Map<string, string>()

/** Runs a statement and gives its rows; one that comes again is parsed and planned once a connection. */
export const runNamed = async (
  client: pg.PoolClient,
  text: string,
  values: readonly unknown[],
): Promise<Record<string, unknown>[]> => {
  const name = nameOf(text, values.length)
  const { rows } = await client.query({ text, values: [...values], ...(name && { name }) })
  return rows
}

/** Planning a statement takes longer than running it. */
const nameOf = (text: string, parameters: number): string | undefined => {
  // Of one with a name Postgres may plan the same for all values.
  if (text.includes(plannedByValues)) return undefined
  const known = names.get(text)
  if (known !== undefined || names.size >= maxNames || parameters > maxParameters) return known
  const name = `read_${names.size}`
  names.set(text, name)
  return name
}
