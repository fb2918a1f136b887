import type { Recorded } from '../../domain/events/index.ts'
import { keyOf, keyText, type Projection, type Rows } from '../../projections/projection.ts'
import type { Key, Table, Tables } from '../../projections/table.ts'
import type { RowLines } from './row-lines.ts'
import type { AnyRow } from './row-text.ts'

/** What is to be written of a table. */
export type Changes = {
  readonly fresh: readonly AnyRow[]
  /** Rows in place of those that the database has. */
  readonly changed: readonly { readonly before: AnyRow; readonly after: AnyRow }[]
}

export type RowSet = {
  readonly rows: Rows<Tables>
  readonly has: (table: string, key: Key) => boolean
  /** A row that the database has. */
  readonly load: (table: string, row: AnyRow) => void
  /** Hands over what is to be written; from here on the database counts as having it. */
  readonly take: (table: string) => Changes
  /** How many rows there are to be written. */
  readonly pending: () => number
  readonly tags: ReadonlySet<string>
}

type TableRows = {
  readonly table: Table
  /** Takes rows that nobody will look at again, where they need not be kept. */
  readonly lines: RowLines | undefined
  /** Whether a row was ever looked for: if not, there is no use in keeping any. */
  isLookedAt: boolean
  /** As the database has them. */
  readonly known: Map<string, AnyRow>
  readonly changed: Map<string, AnyRow>
  readonly fresh: Map<string, AnyRow>
  added: AnyRow[]
}

type Options = {
  /** So many rows of a table stay after they were written, so that few are read twice. */
  readonly keep?: number
  /** By table: rows of append-only ones go here at once. */
  readonly lines?: ReadonlyMap<string, RowLines>
}

/** The touched rows, in memory. */
export const rowSet = (projection: Projection, { keep = 0, lines }: Options = {}): RowSet => {
  const tables = new Map<string, TableRows>()
  const tags = new Set<string>()
  for (const [name, table] of Object.entries(projection.tables)) {
    const maps = { known: new Map(), changed: new Map(), fresh: new Map() }
    const own = table.isAppendOnly ? lines?.get(name) : undefined
    tables.set(name, { table, lines: own, isLookedAt: false, ...maps, added: [] })
  }
  const of = (name: string): TableRows => {
    const rows = tables.get(name)
    if (!rows) throw new Error(`${projection.name} has no table ${name}`)
    return rows
  }
  const find = (name: string, key: Key): AnyRow | undefined => {
    const rows = of(name)
    const { known, changed, fresh } = rows
    const text = keyText(key)
    rows.isLookedAt = true
    return changed.get(text) ?? fresh.get(text) ?? known.get(text)
  }
  const write = (name: string, row: AnyRow): void => {
    const { table, known, changed, fresh } = of(name)
    const key = keyOf(table, row)
    if (known.has(key)) changed.set(key, row)
    else fresh.set(key, row)
  }
  return {
    rows: {
      find: (name, key) => find(name, key) as never,
      get: (name, key) => {
        const row = find(name, key)
        if (!row) throw new Error(`${projection.name} has no ${String(name)} ${keyText(key)}`)
        return row as never
      },
      put: write,
      add: (name, row) => {
        const rows = of(name)
        if (rows.lines) rows.lines.add(row)
        else if (rows.table.isAppendOnly) rows.added.push(row)
        else write(name, row)
      },
      tag: (tag) => {
        tags.add(tag)
      },
    },
    has: (name, key) => find(name, key) !== undefined,
    load: (name, row) => {
      const { table, known } = of(name)
      known.set(keyOf(table, row), row)
    },
    take: (name) => {
      const rows = of(name)
      const taken = changesOf(rows)
      settle(rows, keep)
      return taken
    },
    pending: () => {
      let count = 0
      for (const { changed, fresh, added, lines } of tables.values()) {
        count += changed.size + fresh.size + added.length + (lines?.count() ?? 0)
      }
      return count
    },
    tags,
  }
}

const changesOf = ({ known, changed, fresh, added }: TableRows): Changes => ({
  fresh: [...fresh.values(), ...added],
  changed: Array.from(changed, ([key, after]) => ({ before: known.get(key) as AnyRow, after })),
})

/** What was written last stands last, so the first ones are those to forget. */
const settle = (rows: TableRows, keep: number): void => {
  const { known, changed, fresh } = rows
  if (keep > 0 && rows.isLookedAt) {
    for (const [key, row] of [...changed, ...fresh]) {
      known.delete(key)
      known.set(key, row)
    }
    for (const key of known.keys()) {
      if (known.size <= keep) break
      known.delete(key)
    }
  }
  fresh.clear()
  changed.clear()
  rows.added = []
}

/** Keys of the rows that events need and the set does not have, by table. */
export const missingRows = (
  projection: Projection,
  events: readonly Recorded[],
  bookId: string,
  set: RowSet,
): Map<string, Map<string, Key>> => {
  const missing = new Map<string, Map<string, Key>>()
  for (const event of events) {
    for (const [table, keys] of Object.entries(projection.needs(event, bookId))) {
      for (const key of keys as readonly Key[]) {
        if (set.has(table, key)) continue
        const known = missing.get(table) ?? new Map<string, Key>()
        known.set(keyText(key), key)
        missing.set(table, known)
      }
    }
  }
  return missing
}
