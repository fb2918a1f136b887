import type pg from 'pg'
import type { Table } from '../../../projections/table.ts'
import type { Build } from '../build.ts'
import { sqlRowText } from '../row-text.ts'
import { quoted } from './rebuilding.ts'

/** A row that two builds do not have alike. */
export type Difference = {
  readonly table: string
  readonly key: Readonly<Record<string, unknown>>
  /** Values by column, as this build and as the live one has them; null where there is no row. */
  readonly built: Readonly<Record<string, unknown>> | null
  readonly live: Readonly<Record<string, unknown>> | null
}

/** So many of each table are named. */
const most = 20

type Found = {
  readonly key: Difference['key']
  readonly built: Difference['built']
  readonly live: Difference['live']
}

/** Compares row by row; reads all of both, so it is asked only once they are known to differ. */
export const findDifferences = async (
  client: pg.PoolClient,
  build: Build,
  live: Build,
): Promise<Difference[]> => {
  const found: Difference[] = []
  for (const [name, table] of Object.entries(build.projection.tables)) {
    const { rows } = await client.query<Found>(sqlDifferences(build, live, name, table))
    for (const row of rows) found.push({ table: name, ...onlyOthers(row) })
  }
  return found
}

const sqlDifferences = (build: Build, live: Build, name: string, table: Table): string => {
  const keys = table.primaryKey.map((column) => `"${column}"`)
  const text = sqlRowText(table)
  const key = table.primaryKey.map((column) => `'${column}', "${column}"`)
  const side = (of: Build) =>
    `(select ${keys.join(', ')}, to_jsonb(one) as row, ${text} as text
      from ${quoted(of, name)} as one)`
  return `select json_build_object(${key.join(', ')}) as key, mine.row as built, theirs.row as live
    from ${side(build)} as mine full join ${side(live)} as theirs using (${keys.join(', ')})
    where mine.text is distinct from theirs.text limit ${most}`
}

/** Of two rows only the columns that differ. */
const onlyOthers = ({ key, built, live }: Found): Found => {
  if (!built || !live) return { key, built, live }
  const names = Object.keys(built).filter(
    (name) => JSON.stringify(built[name]) !== JSON.stringify(live[name]),
  )
  const pick = (row: Readonly<Record<string, unknown>>) =>
    Object.fromEntries(names.map((name) => [name, row[name]]))
  return { key, built: pick(built), live: pick(live) }
}
