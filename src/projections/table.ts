/** Column types a projection may use: how they are named in SQL, folded and selected. */
type Types = {
  uuid: { folded: string; selected: string }
  text: { folded: string; selected: string }
  boolean: { folded: boolean; selected: boolean }
  int4: { folded: number; selected: number }
  int8: { folded: number; selected: number }
  /** Up to 38 digits: a bigint while folding, a string of digits in answers. */
  'numeric(38,0)': { folded: bigint; selected: string }
  /** An instant as `Date.toISOString` writes it. */
  timestamptz: { folded: string; selected: string }
  /** Numbers in it are whole ones. */
  jsonb: { folded: unknown; selected: unknown }
}

export type ColumnType = keyof Types
export type Column = { readonly type: ColumnType; readonly isNullable: boolean }
type Typed<T extends ColumnType, N extends boolean> = { readonly type: T; readonly isNullable: N }

export const is = <T extends ColumnType>(type: T): Typed<T, false> => ({ type, isNullable: false })
export const maybe = <T extends ColumnType>(type: T): Typed<T, true> => ({ type, isNullable: true })

export type Columns = Readonly<Record<string, Column>>

/** Body of a `create index`. */
export type Index = {
  readonly columns: readonly string[]
  readonly isUnique?: boolean
  /** Of one jsonb column: finds the rows that contain something (`@>`), in no order. */
  readonly isByContent?: true
  /** A condition, for a partial one. A query must say it too. */
  readonly where?: string
}

export type Table = {
  readonly columns: Columns
  /** What a row is found by: of types uuid, text, int4 or int8. */
  readonly primaryKey: readonly string[]
  /** Its rows are never looked at nor changed once they are added. That spares much. */
  readonly isAppendOnly?: true
  /** Most pages change many of its rows: they take twice the room, and changing one touches no index. */
  readonly changesOften?: true
  readonly indexes: readonly Index[]
  readonly foreignKeys: Readonly<Record<string, string>>
  /**
   * Its foreign keys are checked of all rows when a build is made, and afterwards they are only
   * declared: for a fold that has what they name in its hands whenever it adds a row.
   */
  readonly checksKeysOnce?: true
}
export type Tables = Readonly<Record<string, Table>>

/** The value of a primary key of one column, or those of its columns, in their order. */
export type Key<T extends Table = Table> = T['primaryKey']['length'] extends 1
  ? string | number
  : number extends T['primaryKey']['length']
    ? string | number | readonly (string | number)[]
    : readonly (string | number)[]

type Values<C extends Column, As extends 'folded' | 'selected'> =
  | Types[C['type']][As]
  | (C['isNullable'] extends true ? null : never)

/** A row as the fold makes it. */
export type Row<T extends Table> = {
  [Name in keyof T['columns']]: Values<T['columns'][Name], 'folded'>
}

/** A row as queries see it. */
export type Selected<T extends Table> = {
  [Name in keyof T['columns']]: Values<T['columns'][Name], 'selected'>
}
