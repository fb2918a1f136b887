import type { Projection } from '../../projections/projection.ts'
import type { Column, Index, Table } from '../../projections/table.ts'

const quote = (name: string): string => `"${name}"`
const list = (names: readonly string[]): string => names.map(quote).join(', ')

/** Compared byte by byte: in whatever locale a database is, lists and ranges of it are the same. */
const columnType = ({ type }: Column): string => (type === 'text' ? 'text collate "C"' : type)

/** Postgres puts a changed row beside the old one, and leaves indexes alone, only where it has room. */
const withRoom = ' with (fillfactor = 50)'

/** Statements that make a projection's tables, without keys and indexes: those come faster last. */
export const createTables = (schema: string, { tables }: Projection): string[] =>
  Object.entries(tables).map(([name, { columns, changesOften }]) => {
    const definitions = Object.entries(columns).map(
      ([name, column]) =>
        `${quote(name)} ${columnType(column)}${column.isNullable ? '' : ' not null'}`,
    )
    const room = changesOften ? withRoom : ''
    return `create table ${schema}.${quote(name)} (${definitions.join(', ')})${room}`
  })

/** Makes a table's rows findable by their key. */
export const createKey = (schema: string, name: string, { primaryKey }: Table): string =>
  `create unique index if not exists ${quote(`${name}_key`)}
   on ${schema}.${quote(name)} (${list(primaryKey)})`

export const createIndexes = (schema: string, name: string, table: Table): string[] => [
  createKey(schema, name, table),
  ...table.indexes.map(
    (index, place) =>
      `create ${index.isUnique ? 'unique ' : ''}index if not exists ${quote(`${name}_${place + 1}`)}
       on ${schema}.${quote(name)} ${bodyOf(index)}`,
  ),
]

const bodyOf = ({ columns, isByContent, where }: Index): string => {
  const found = isByContent ? `using gin (${list(columns)} jsonb_path_ops)` : `(${list(columns)})`
  return where === undefined ? found : `${found} where ${where}`
}

/** A constraint by its name in a schema, and the statement that makes it. */
export type Constraint = { readonly name: string; readonly create: string }

export const constraintsOf = (schema: string, { tables }: Projection): Constraint[] => [
  ...Object.keys(tables).map((name) => ({
    name: `${name}_pkey`,
    create: `alter table ${schema}.${quote(name)}
       add constraint ${quote(`${name}_pkey`)} primary key using index ${quote(`${name}_key`)}`,
  })),
  ...Object.entries(tables).flatMap(([name, table]) =>
    Object.keys(table.foreignKeys).map((column) => foreignKey(schema, name, table, column)),
  ),
]

const foreignKey = (
  schema: string,
  name: string,
  { foreignKeys, checksKeysOnce }: Table,
  column: string,
): Constraint => {
  const constraint = `${name}_${column}_fkey`
  const alter = `alter table ${schema}.${quote(name)}`
  const create = `${alter} add constraint ${quote(constraint)}
    foreign key (${quote(column)}) references ${schema}.${quote(foreignKeys[column] ?? '')}`
  const relax = `${alter} alter constraint ${quote(constraint)} not enforced`
  return { name: constraint, create: checksKeysOnce ? `${create}; ${since18(relax)}` : create }
}

const since18 = (statement: string): string => `do $$ begin
  if current_setting('server_version_num')::int >= 180000 then
    execute '${statement}';
  end if;
end $$`

/**
 * What every build has beside its tables. `checkpoint`: how far each book has been folded, with the
 * hash of its last event and the digests of the rows it has made. `scan`: up to where in the whole
 * log every book is known to be folded or halted, and what the last sweep found. `failure`: the
 * event that halted a book. `stale_tag`: cache tags to raise.
 */
export const createBookkeeping = (schema: string): string[] => [
  `create table ${schema}.checkpoint (
     book_id uuid primary key, revision int8 not null, event_hash text not null,
     position numeric not null, epoch int4 not null default 0, digests jsonb not null default '{}',
     updated_at timestamptz not null)`,
  `create table ${schema}.scan (
     id bool primary key default true check (id), position numeric not null, behind int4,
     events int8, rate float8, swept_at timestamptz)`,
  `insert into ${schema}.scan (position) values (-1)`,
  `create table ${schema}.failure (
     book_id uuid primary key, revision int8 not null, event_id text, error text not null,
     stack text, is_skippable bool not null, attempts int4 not null default 1,
     failed_at timestamptz not null default now())`,
  `create table ${schema}.stale_tag (
     id int8 generated always as identity primary key, revision int8 not null, tags text[] not null)`,
]

/** All of it at once, for a build that is folded from its first event by the runner. */
export const createWhole = (schema: string, projection: Projection): string[] => [
  `create schema ${schema}`,
  ...createBookkeeping(schema),
  ...createTables(schema, projection),
  ...Object.entries(projection.tables).flatMap(([name, table]) =>
    createIndexes(schema, name, table),
  ),
  ...constraintsOf(schema, projection).map(({ create }) => create),
]
