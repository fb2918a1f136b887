import type { Recorded } from '../domain/events/index.ts'
import type { Row, Tables } from './table.ts'

type Keyed<T extends Tables> = {
  [Name in keyof T & string]: T[Name]['columns'] extends { id: unknown } ? Name : never
}[keyof T & string]

/** The rows that a page of events touches, loaded before the fold and written after it. */
export type Rows<T extends Tables> = {
  /** The row as the events before this one left it. Throws if there is none: the event is poison. */
  readonly get: <Name extends Keyed<T>>(table: Name, id: string) => Row<T[Name]>
  /** Like `get`, but there may be none. */
  readonly find: <Name extends Keyed<T>>(table: Name, id: string) => Row<T[Name]> | undefined
  /** Writes a row in place of the one with its id, if any. */
  readonly put: <Name extends Keyed<T>>(table: Name, row: Row<T[Name]>) => void
  /** Writes a row that no later event of the page will touch. */
  readonly add: <Name extends keyof T & string>(table: Name, row: Row<T[Name]>) => void
  /** Says that cached answers under this tag are out of date. */
  readonly tag: (tag: string) => void
}

/**
 * A read model, declared: its tables, and a pure fold from events to changes of keyed rows. The
 * runner does the rest. A new version gets a schema of its own and is built from the first event.
 */
export type Projection<T extends Tables = Tables> = {
  readonly name: string
  readonly version: number
  /** In the order in which they are written: a table stands after those it refers to. */
  readonly tables: T
  /** Ids of the rows that `apply` will get for this event, by table. */
  readonly needs: (event: Recorded, bookId: string) => { [Name in Keyed<T>]?: readonly string[] }
  readonly apply: (event: Recorded, rows: Rows<T>, bookId: string) => void
}

export const projection = <const T extends Tables>(it: Projection<T>): Projection<T> => it

export const schemaOf = ({ name, version }: Pick<Projection, 'name' | 'version'>): string =>
  `${name}_v${version}`
