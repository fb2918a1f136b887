import type { Recorded } from '../../domain/events/index.ts'
import type { Projection, Rows } from '../../projections/projection.ts'
import type { Row, Table, Tables } from '../../projections/table.ts'

export type AnyRow = Row<Table>

export type RowSet = {
  readonly rows: Rows<Tables>
  /** A row that the database has. */
  readonly load: (table: string, row: AnyRow) => void
  /** Rows by table: those to insert or replace by id, and those to insert. */
  readonly changed: (table: string) => {
    readonly keyed: readonly AnyRow[]
    readonly added: readonly AnyRow[]
  }
  readonly tags: ReadonlySet<string>
}

/** The touched rows of a page, in memory. */
export const rowSet = (projection: Projection): RowSet => {
  const loaded = new Map<string, Map<string, AnyRow>>()
  const keyed = new Map<string, Map<string, AnyRow>>()
  const added = new Map<string, AnyRow[]>()
  const tags = new Set<string>()
  for (const name of Object.keys(projection.tables)) {
    loaded.set(name, new Map())
    keyed.set(name, new Map())
    added.set(name, [])
  }
  const of = <Value>(map: Map<string, Value>, table: string): Value => {
    const value = map.get(table)
    if (value === undefined) throw new Error(`${projection.name} has no table ${table}`)
    return value
  }
  const find = (table: string, id: string) => of(keyed, table).get(id) ?? of(loaded, table).get(id)
  return {
    rows: {
      find: (table, id) => find(table, id) as never,
      get: (table, id) => {
        const row = find(table, id)
        if (!row) throw new Error(`${projection.name} has no ${String(table)} ${id}`)
        return row as never
      },
      put: (table, row) => {
        of(keyed, table).set((row as { id: string }).id, row)
      },
      add: (table, row) => {
        of(added, table).push(row)
      },
      tag: (tag) => {
        tags.add(tag)
      },
    },
    load: (table, row) => {
      of(loaded, table).set((row as unknown as { id: string }).id, row)
    },
    changed: (table) => ({ keyed: [...of(keyed, table).values()], added: of(added, table) }),
    tags,
  }
}

/** Ids of the rows that a page of events needs, by table. */
export const neededRows = (
  projection: Projection,
  events: readonly Recorded[],
  bookId: string,
): Map<string, Set<string>> => {
  const needed = new Map<string, Set<string>>()
  for (const event of events) {
    for (const [table, ids] of Object.entries(projection.needs(event, bookId))) {
      const known = needed.get(table) ?? new Set()
      for (const id of ids as readonly string[]) known.add(id)
      needed.set(table, known)
    }
  }
  return needed
}
