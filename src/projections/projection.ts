import type { Recorded } from '../domain/events/index.ts'
import type { Key, Row, Table, Tables } from './table.ts'

type Keyed<T extends Tables> = {
  [Name in keyof T & string]: T[Name] extends { readonly isAppendOnly: true } ? never : Name
}[keyof T & string]

/** The rows that events touch, loaded before they are folded and written after it. */
export type Rows<T extends Tables> = {
  /** The row as the events before this one left it. Throws if there is none: the event is poison. */
  readonly get: <Name extends Keyed<T>>(table: Name, key: Key<T[Name]>) => Row<T[Name]>
  /** Like `get`, but there may be none. */
  readonly find: <Name extends Keyed<T>>(table: Name, key: Key<T[Name]>) => Row<T[Name]> | undefined
  /** Writes a row in place of the one with its key; one that `needs` did not name is a new one. */
  readonly put: <Name extends Keyed<T>>(table: Name, row: Row<T[Name]>) => void
  /** Writes a row whose key no row had before. */
  readonly add: <Name extends keyof T & string>(table: Name, row: Row<T[Name]>) => void
  /** Says that cached answers under this tag are out of date. */
  readonly tag: (tag: string) => void
}

/**
 * A read model, declared: its tables, and a pure fold from events to changes of keyed rows. The
 * runner does the rest. Each version is built from the first event, into a schema of its own.
 */
export type Projection<T extends Tables = Tables> = {
  /** Lower-case letters and underscores. */
  readonly name: string
  readonly version: number
  /** In the order in which they are written: a table stands after those it refers to. */
  readonly tables: T
  /**
   * What must always hold: by a name that says it, a query over the tables that finds the rows for
   * which it does not. Asked before a build goes live.
   */
  readonly invariants?: Readonly<Record<string, string>>
  /** Commands rest on it, so no event may be left out of it, whatever is wrong with it. */
  readonly isUnskippable?: true
  /** Keys of the rows that `apply` will get for this event, by table. */
  readonly needs: (
    event: Recorded,
    bookId: string,
  ) => { [Name in Keyed<T>]?: readonly Key<T[Name]>[] }
  readonly apply: (event: Recorded, rows: Rows<T>, bookId: string) => void
}

export const projection = <const T extends Tables>(it: Projection<T>): Projection<T> => it

/** A projection whose tables nobody needs to know by type. */
export const untyped = <T extends Tables>(it: Projection<T>): Projection =>
  it as unknown as Projection

/** One text for one key. */
export const keyText = (key: Key): string => (typeof key === 'object' ? key.join('\n') : `${key}`)

/** The key of a row of this table. */
export const keyOf = (table: Table, row: Readonly<Record<string, unknown>>): string => {
  const [first, ...others] = table.primaryKey as readonly [string, ...string[]]
  let text = String(row[first])
  for (const column of others) text += `\n${String(row[column])}`
  return text
}
