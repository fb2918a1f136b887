import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type Projection, projection } from '../../projections/projection.ts'
import { is, maybe, type Table } from '../../projections/table.ts'
import { ConfigError } from '../config.ts'

/** What a file with a projection is given, so that it needs to import nothing. */
const kit = { projection, is, maybe }

const columnTypes = new Set([
  'uuid',
  'text',
  'boolean',
  'int4',
  'int8',
  'numeric(38,0)',
  'timestamptz',
  'jsonb',
])
const keyTypes = new Set(['uuid', 'text', 'int4', 'int8'])
const plainName = /^[a-z][a-z0-9_]{0,29}$/

/**
 * The projections of this release and those in files of somebody's own: each exports a function of
 * `kit` as its default, which gives a projection. What is wrong with one is said before anything is
 * begun.
 */
export const withOwnProjections = async (
  projections: readonly Projection[],
  files: readonly string[],
): Promise<readonly Projection[]> => {
  const all = [...projections]
  for (const file of files) {
    const own = await load(file)
    const problem = problemOf(own, all)
    if (problem) throw new ConfigError(`DAYBOOK_PROJECTIONS: ${file}: ${problem}.`)
    all.push(own)
  }
  return all
}

const load = async (file: string): Promise<Projection> => {
  try {
    const module: { default?: unknown } = await import(pathToFileURL(resolve(file)).href)
    if (typeof module.default !== 'function') throw new Error('its default export is no function')
    return module.default(kit) as Projection
  } catch (error) {
    const { message } = error as Error
    throw new ConfigError(`DAYBOOK_PROJECTIONS: ${file} cannot be loaded: ${message}.`)
  }
}

/** The first thing that is wrong with it, if anything. */
const problemOf = (own: Projection, others: readonly Projection[]): string | null => {
  if (typeof own !== 'object' || own === null) return 'its function gives no projection'
  if (others.some(({ name }) => name === own.name)) return `the name "${own.name}" is taken`
  if (!plainName.test(own.name)) return 'its name takes 1 to 30 of a-z, 0-9 and _'
  if (!Number.isInteger(own.version) || own.version < 1) return 'its version is a number from 1 on'
  if (typeof own.needs !== 'function' || typeof own.apply !== 'function') {
    return 'it has no functions needs and apply'
  }
  const tables = Object.entries(own.tables ?? {})
  if (tables.length === 0) return 'it has no tables'
  for (const [name, table] of tables) {
    if (!plainName.test(name)) return `the name of table ${name} takes 1 to 30 of a-z, 0-9 and _`
    const problem = problemOfTable(own, table)
    if (problem) return `table ${name}: ${problem}`
  }
  return null
}

const problemOfTable = ({ tables }: Projection, table: Partial<Table>): string | null => {
  const { columns = {}, primaryKey = [], indexes = [], foreignKeys = {} } = table
  for (const [name, { type }] of Object.entries(columns)) {
    if (!plainName.test(name)) return `the name of column ${name} takes 1 to 30 of a-z, 0-9 and _`
    if (!columnTypes.has(type)) return `column ${name}: there is no type ${type}`
  }
  if (primaryKey.length === 0) return 'it has no primaryKey'
  for (const name of primaryKey) {
    const type = columns[name]?.type ?? ''
    if (!keyTypes.has(type)) return `${name} cannot be in a primaryKey`
  }
  for (const {
    columns: [column = '', ...more],
    isByContent,
  } of indexes) {
    const isOne = columns[column]?.type === 'jsonb' && more.length === 0
    if (isByContent && !isOne) return 'an index with isByContent has one column, of type jsonb'
  }
  const named = [...indexes.flatMap((index) => index.columns), ...Object.keys(foreignKeys)]
  const missing = named.find((name) => !Object.hasOwn(columns, name))
  if (missing !== undefined) return `there is no column ${missing}`
  const target = Object.values(foreignKeys).find((name) => !Object.hasOwn(tables, name))
  return target === undefined ? null : `there is no table ${target} to refer to`
}
