import type { Recorded } from '../../domain/events/index.ts'
import { keyOf, keyText, type Projection, type Rows } from '../../projections/projection.ts'
import type { Key, Table, Tables } from '../../projections/table.ts'
import type { RowLines } from './row-lines.ts'
import type { Replaced } from './row-store.ts'
import type { AnyRow } from './row-text.ts'

/** What is to be written of a table. */
export type Changes = {
  readonly fresh: readonly AnyRow[]
  /** Rows in place of those that the database has. */
  readonly changed: readonly Replaced[]
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
  /** How many rows are kept; a row counts twice while both halves have it. */
  readonly size: () => number
  /** Hands over the tags of what was written. */
  readonly takeTags: () => ReadonlySet<string>
}

/** A row as the database has it, if it has, and as it is now. */
type Slot = { before: AnyRow | undefined; now: AnyRow; isWritten: boolean }

type TableRows = {
  readonly table: Table
  readonly lines: RowLines | undefined
  /** Whether a row was ever looked for: if not, there is no use in keeping any. */
  isLookedAt: boolean
  /**
   * In two halves, of which the older one is let go of as a whole: a map from which rows are deleted one
   * by one has holes, is searched through them, and is copied each time that it is full of them.
   */
  recent: Map<string, Slot>
  older: Map<string, Slot>
  /** Those to be written, in the order in which they first were. */
  written: Map<string, Slot>
  added: AnyRow[]
}

type Options = {
  /** So many rows of a table stay after they were written, so that few are read twice. */
  readonly keep?: number
  /**
   * By table: what rows of it go to at once, and are no objects any more, as long as nobody has
   * looked for one. Whoever does has to see to it that they are written first.
   */
  readonly lines?: ReadonlyMap<string, RowLines>
  /** Whether anybody will raise the tags. */
  readonly isTagged?: boolean
}

/** The touched rows, in memory. */
export const rowSet = (
  projection: Projection,
  { keep = 0, lines, isTagged = true }: Options = {},
): RowSet => {
  const tables = new Map<string, TableRows>()
  let tags = new Set<string>()
  for (const [name, table] of Object.entries(projection.tables)) {
    const maps = { recent: new Map(), older: new Map(), written: new Map() }
    tables.set(name, { table, lines: lines?.get(name), isLookedAt: false, ...maps, added: [] })
  }
  const of = (name: string): TableRows => {
    const rows = tables.get(name)
    if (!rows) throw new Error(`${projection.name} has no table ${name}`)
    return rows
  }
  const find = (name: string, key: Key): AnyRow | undefined => {
    const rows = of(name)
    rows.isLookedAt = true
    return slotOf(rows, keyText(key))?.now
  }
  const write = (name: string, row: AnyRow): void => {
    const rows = of(name)
    const { table, lines, isLookedAt, recent, written } = rows
    if (lines && !isLookedAt) {
      lines.add(row)
      return
    }
    const key = keyOf(table, row)
    const slot = slotOf(rows, key)
    if (!slot) {
      const fresh = { before: undefined, now: row, isWritten: true }
      recent.set(key, fresh)
      written.set(key, fresh)
      return
    }
    slot.now = row
    if (slot.isWritten) return
    slot.isWritten = true
    written.set(key, slot)
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
        const { table, lines, added } = of(name)
        if (table.isAppendOnly && !lines) added.push(row)
        else write(name, row)
      },
      tag: (tag) => {
        if (isTagged) tags.add(tag)
      },
    },
    has: (name, key) => find(name, key) !== undefined,
    load: (name, row) => {
      const { table, recent } = of(name)
      recent.set(keyOf(table, row), { before: row, now: row, isWritten: false })
    },
    take: (name) => {
      const rows = of(name)
      const taken = changesOf(rows)
      settle(rows, keep)
      return taken
    },
    pending: () => {
      let count = 0
      for (const { written, added, lines } of tables.values()) {
        count += written.size + added.length + (lines?.count() ?? 0)
      }
      return count
    },
    size: () => {
      let count = 0
      for (const { recent, older } of tables.values()) count += recent.size + older.size
      return count
    },
    takeTags: () => {
      const taken = tags
      tags = new Set()
      return taken
    },
  }
}

const changesOf = ({ written, added }: TableRows): Changes => {
  const fresh: AnyRow[] = []
  const changed: Replaced[] = []
  for (const { before, now } of written.values()) {
    if (before) changed.push({ before, after: now })
    else fresh.push(now)
  }
  return { fresh: added.length > 0 ? fresh.concat(added) : fresh, changed }
}

const slotOf = ({ recent, older }: TableRows, key: string): Slot | undefined => {
  const slot = recent.get(key)
  if (slot) return slot
  const found = older.get(key)
  if (found) recent.set(key, found)
  return found
}

/** Forgets the rows that were asked for longest ago, where there are more than may be kept. */
const settle = (rows: TableRows, keep: number): void => {
  for (const slot of rows.written.values()) {
    slot.before = slot.now
    slot.isWritten = false
  }
  const isKept = keep > 0 && rows.isLookedAt
  if (!isKept || rows.recent.size >= keep / 2) {
    rows.older = isKept ? lastOf(rows.recent, keep) : new Map()
    rows.recent = new Map()
  }
  rows.written = new Map()
  rows.added = []
}

const lastOf = <Value>(map: Map<string, Value>, count: number): Map<string, Value> =>
  map.size <= count ? map : new Map([...map].slice(-count))

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
