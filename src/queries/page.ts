import { createHmac } from 'node:crypto'
import { type Expression, type Kysely, type SelectQueryBuilder, type SqlBool, sql } from 'kysely'
import Type, { type Static } from 'typebox'
import { canonical } from '../domain/chain.ts'
import { refuse } from '../domain/rejection.ts'
import { unseen } from './filters.ts'

const maxDepth = 10_000

/**
 * What every list takes. `page` is for looking around, `cursor` for going through it all: each page
 * behind one is of the moment at which it is asked for.
 */
export const pageParameters = {
  page: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: maxDepth,
      description: `From 1; times limit it is at most ${maxDepth}, past which cursor leads on`,
    }),
  ),
  limit: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 200, description: 'Rows a page; 50 if left out' }),
  ),
  cursor: Type.Optional(
    Type.String({
      maxLength: 1000,
      description:
        'meta.nextCursor of the page before. Not pinned to a revision: each page is of its own moment',
    }),
  ),
}

/** The same for a list whose cursors are pinned: all of its pages are of one moment. */
export const pinnedPageParameters = {
  ...pageParameters,
  cursor: Type.Optional(
    Type.String({
      maxLength: 1000,
      description:
        'meta.nextCursor of the page before. Pinned to a revision: what was recorded after the ' +
        'first page is left out',
    }),
  ),
}
const PageParameters = Type.Object(pageParameters)
export type PageParameters = Static<typeof PageParameters>

const Count = Type.Union([Type.Integer(), Type.Null()])

/** `meta` of a list. */
export const Page = Type.Object({
  page: Type.Optional(Type.Integer({ description: 'Left out with a cursor' })),
  limit: Type.Integer(),
  total: Type.Union(Count.anyOf, {
    description: 'Rows in all; null where counting them would be a scan',
  }),
  totalPages: Count,
  nextCursor: Type.Union([Type.String(), Type.Null()], { description: 'null on the last page' }),
})
type Page = Static<typeof Page>

type Key = string | number
/** A column of the order, with the type that its values have in SQL. */
export type OrderColumn<Column extends string> = {
  readonly column: Column
  readonly type: 'text' | 'uuid' | 'timestamptz' | 'int8' | 'int4'
}

/** Signs what a cursor says, with a key that only Daybook has. */
export type Sign = (text: string) => string

export const cursorSigner = (secret: string): Sign => {
  const key = createHmac('sha256', secret).update('cursors of lists').digest()
  return (text) => createHmac('sha256', key).update(text).digest('base64url').slice(0, 22)
}

export type Paging = {
  readonly limit: number
  readonly offset: number
  readonly page: number | undefined
  /** Values of the order's columns in the last row seen. */
  readonly after: readonly Key[] | null
  /**
   * The revision that the first page showed: what was recorded later is not in this list. On that
   * page it is past all revisions.
   */
  readonly pin: number
  readonly cursorOf: (key: readonly Key[]) => string
}

/**
 * Reads page, limit and cursor. `shape` is all that makes one list differ from another (filters,
 * sort, book): a cursor is only good for the list that gave it, and is signed, so that nobody else
 * gives one. `revision` is that of the book now, for lists that are pinned to one: it is asked for
 * when a cursor is given.
 */
export const paging = (
  parameters: PageParameters,
  shape: object,
  sign: Sign,
  revision = () => 0,
): Paging => {
  const { page, limit = 50, cursor } = parameters
  if (cursor !== undefined && page !== undefined) {
    const reason = 'Give page or cursor, not both.'
    refuse('invalid_request', reason, [{ path: '/page', reason }])
  }
  if ((page ?? 1) * limit > maxDepth) {
    const reason = `page times limit is at most ${maxDepth}. Go on with cursor=meta.nextCursor.`
    refuse('invalid_request', reason, [{ path: '/page', reason }])
  }
  const list = canonical(shape)
  const given = cursor === undefined ? null : readCursor(cursor, list, sign)
  return {
    limit,
    page: cursor === undefined ? (page ?? 1) : undefined,
    offset: ((page ?? 1) - 1) * limit,
    after: given?.key ?? null,
    pin: given?.pin ?? Number.MAX_SAFE_INTEGER,
    cursorOf: (key) => {
      const place = JSON.stringify([given?.pin ?? revision(), ...key])
      return Buffer.from(`${sign(`${list}${place}`)}${place}`).toString('base64url')
    },
  }
}

const readCursor = (cursor: string, list: string, sign: Sign): { pin: number; key: Key[] } => {
  const text = Buffer.from(cursor, 'base64url').toString()
  const start = text.indexOf('[')
  const place = text.slice(start)
  const isOurs = start > 0 && sign(`${list}${place}`) === text.slice(0, start)
  if (!isOurs) return refuse('invalid_cursor')
  const [pin, ...key] = JSON.parse(place) as [number, ...Key[]]
  return { pin, key }
}

/** `(a, b, c) > (x, y, z)`, or `<` where the order is descending: one range of one index. */
export const isAfter = (
  order: readonly OrderColumn<string>[],
  after: readonly Key[],
  isDescending: boolean,
): Expression<SqlBool> => {
  const columns = sql.join(order.map(({ column }) => sql.ref(column)))
  const values = sql.join(order.map(({ type }, index) => unseen(after[index], type)))
  return sql<SqlBool>`(${columns}) ${sql.raw(isDescending ? '<' : '>')} (${values})`
}

/** Few enough that each can have a statement of its own. */
const usualLimits = new Set([50, 100, 200])

/**
 * The rows of a page, and one too many that tells whether there is a next page. How few they are is
 * said in the text where it can be: a plan for all values is only good, and only taken, if it is known.
 */
export const onPage = <DB, Table extends keyof DB, Row>(
  list: SelectQueryBuilder<DB, Table, Row>,
  { limit, offset }: Pick<Paging, 'limit' | 'offset'>,
): SelectQueryBuilder<DB, Table, Row> =>
  list
    .limit(usualLimits.has(limit) ? sql.lit(limit + 1) : limit + 1)
    .offset(offset === 0 ? sql.lit(0) : offset)

/** Cuts off the row too many that tells whether there is a next page. */
export const paged = <Row>(
  rows: readonly Row[],
  { limit, page, cursorOf }: Paging,
  total: number | null,
  keyOf: (row: Row) => readonly Key[],
): { rows: Row[]; meta: Page } => {
  const shown = rows.slice(0, limit)
  const last = shown.at(-1)
  const nextCursor = last && rows.length > limit ? cursorOf(keyOf(last)) : null
  const totalPages = total === null ? null : Math.ceil(total / limit)
  return { rows: shown, meta: { ...(page && { page }), limit, total, totalPages, nextCursor } }
}

/** So many rows are counted, and no more. */
export const countLimit = 10_000

/** Whether so few that all of them can be looked at to count some. */
export const isFew = (rows: number): boolean => rows <= countLimit

/** Null past ten thousand: then counting would cost more than the page itself. */
export const countUpTo = async <DB, Table extends keyof DB, Row>(
  db: Kysely<DB>,
  rows: SelectQueryBuilder<DB, Table, Row>,
): Promise<number | null> => {
  const { rows: counted } = await sql<{ total: number }>`
    select count(*) as total from (${rows.limit(countLimit + 1)}) as counted`.execute(db)
  const total = counted[0]?.total ?? 0
  return isFew(total) ? total : null
}
