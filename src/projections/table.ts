/** Column types a projection may use: how they are named in SQL, folded and selected. */
type Types = {
  uuid: { folded: string; selected: string }
  text: { folded: string; selected: string }
  boolean: { folded: boolean; selected: boolean }
  int4: { folded: number; selected: number }
  int8: { folded: number; selected: number }
  /** Up to 38 digits: a bigint while folding, a string of digits in answers. */
  'numeric(38,0)': { folded: bigint; selected: string }
  timestamptz: { folded: string; selected: string }
  jsonb: { folded: unknown; selected: unknown }
}

export type ColumnType = keyof Types
export type Column = { readonly type: ColumnType; readonly isNullable: boolean }
type Typed<T extends ColumnType, N extends boolean> = { readonly type: T; readonly isNullable: N }

export const is = <T extends ColumnType>(type: T): Typed<T, false> => ({ type, isNullable: false })
export const maybe = <T extends ColumnType>(type: T): Typed<T, true> => ({ type, isNullable: true })

export type Columns = Readonly<Record<string, Column>>

export type Table = {
  readonly columns: Columns
  readonly primaryKey: readonly string[]
  /** Bodies of `create index`: the columns, and a condition for a partial one. */
  readonly indexes: readonly {
    readonly columns: readonly string[]
    readonly isUnique?: boolean
    readonly where?: string
  }[]
  readonly foreignKeys: Readonly<Record<string, string>>
}
export type Tables = Readonly<Record<string, Table>>

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
