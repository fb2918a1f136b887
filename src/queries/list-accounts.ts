import { sql } from 'kysely'
import Type, { type Static } from 'typebox'
import { AccountStatus, AccountType, accountTypes } from '../domain/account.ts'
import { CurrencyCode } from '../domain/currency.ts'
import { DateOrInstant, instantOf, toInstant } from '../domain/instant.ts'
import { builtOnce } from './built-once.ts'
import {
  filteredBy,
  filtersOf,
  hasMetadata,
  isWhole,
  plannedByValues,
  wantedMetadata,
  withMetadata,
} from './filters.ts'
import { bookOf } from './find-account.ts'
import {
  countUpTo,
  isAfter,
  isFew,
  type OrderColumn,
  onPage,
  type Paging,
  paged,
  pageParameters,
  paging,
} from './page.ts'
import { query, type Reading } from './query.ts'
import {
  type AccountResource,
  accountColumns,
  maturing,
  nextMaturity,
  toAccount,
} from './resources.ts'

export const ListAccounts = Type.Object(
  {
    ...pageParameters,
    type: Type.Optional(AccountType),
    currency: Type.Optional(CurrencyCode),
    status: Type.Optional(
      Type.Intersect([AccountStatus], { description: 'All but closed ones if left out' }),
    ),
    code: Type.Optional(Type.String({ maxLength: 128 })),
    'code[prefix]': Type.Optional(
      Type.String({ maxLength: 128, description: 'Codes that begin with this, letter by letter' }),
    ),
    'created_at[gte]': Type.Optional(DateOrInstant),
    'created_at[lt]': Type.Optional(DateOrInstant),
    sort: Type.Optional(
      Type.Union(
        ['code', '-code', 'name', '-name', 'created_at', '-created_at'].map((sort) =>
          Type.Literal(sort),
        ),
        {
          description:
            'code if left out; a minus for the descending order. Codes and names by their bytes',
        },
      ),
    ),
  },
  withMetadata,
)
export type ListAccounts = Static<typeof ListAccounts>

type Order = readonly OrderColumn<'code' | 'name' | 'created_at' | 'id'>[]

const orders: Record<string, Order> = {
  code: [{ column: 'code', type: 'text' }],
  name: [{ column: 'name', type: 'text' }],
  created_at: [{ column: 'created_at', type: 'timestamptz' }],
}
const tieBreak: OrderColumn<'id'> = { column: 'id', type: 'uuid' }

const orderOf = (sort: string): Order => [...(orders[sort.replace('-', '')] ?? []), tieBreak]

export const listAccounts = query<ListAccounts, AccountResource[]>({
  name: 'accounts',
  tags: (bookId) => [`book:${bookId}`],
  isOneStatement: (parameters) => isWhole(filtersOf(parameters)),

  run: async (reading, parameters) => {
    const { bookId, now } = reading
    const { sort = 'code' } = parameters
    const filters = filtersOf(parameters)
    const pages = paging(parameters, { list: 'accounts', bookId, sort, filters }, reading.sign)
    const found = isWhole(filters)
      ? await wholePage(reading, sort, pages)
      : await pageOf(filterAccounts(reading, filters), sort, pages, now).execute()
    for (const { next_maturity } of found) reading.validUntil(next_maturity)
    const total = await countAccounts(reading, filters)
    const order = orderOf(sort)
    const { rows, meta } = paged(found, pages, total, (row) =>
      order.map(({ column }) => row[column]),
    )
    return { data: rows.map(toAccount), meta }
  },
})

type Pages = Pick<Paging, 'limit' | 'offset' | 'after'>

const pageOf = (filtered: ReturnType<typeof allOf>, sort: string, pages: Pages, now: Date) => {
  const isDescending = sort.startsWith('-')
  const order = orderOf(sort)
  let list = onPage(filtered, pages)
    .select(accountColumns)
    .select([maturing(now).as('maturing'), nextMaturity(now).as('next_maturity')])
  for (const { column } of order) list = list.orderBy(column, isDescending ? 'desc' : 'asc')
  return pages.after ? list.where(isAfter(order, pages.after, isDescending)) : list
}

/** The same of all that are not closed. */
const wholePage = (reading: Reading, sort: string, { limit, offset, after }: Pages) =>
  builtOnce(
    reading,
    ['accounts', sort, limit, offset, after !== null],
    [reading.bookId, reading.now, ...(after ?? [])] as const,
    ([bookId, now, ...place]) =>
      pageOf(allOf(reading.db, bookId), sort, { limit, offset, after: after && place }, now),
  )

type Filters = Omit<ListAccounts, 'page' | 'limit' | 'cursor' | 'sort'>

/** Null where much of a large book would have to be looked at, to count some. */
const countAccounts = async (reading: Reading, filters: Filters): Promise<number | null> => {
  const { account_count } = bookOf(reading)
  if (isWhole(filters)) return account_count
  const by = filteredBy(filters)
  const isFound = filters.code !== undefined || (by.size === 1 && filters.status !== 'open')
  if (!isFound && !isFew(account_count)) return null
  return countUpTo(reading.db, filterAccounts(reading, filters).select('id'))
}

/** That are not closed. */
const allOf = (db: Reading['db'], bookId: string) =>
  db.selectFrom('account').where('book_id', '=', bookId).where('deleted_at', 'is', null)

const filterAccounts = (reading: Reading, filters: Filters) => {
  let filtered = reading.db
    .selectFrom('account')
    .where('book_id', '=', reading.bookId)
    .modifyEnd(sql.raw(plannedByValues))
  const { time_zone } = bookOf(reading)

  const { status, type, currency } = filters
  if (status !== 'closed') filtered = filtered.where('deleted_at', 'is', null)
  // One index has all three: what is left out before one that is asked for is said to be any.
  if (status ?? type ?? currency) {
    filtered = filtered.where('status', 'in', status ? [status] : ['open', 'frozen'])
  }
  if (type ?? currency) filtered = filtered.where('type', 'in', type ? [type] : accountTypes)
  if (currency) filtered = filtered.where('currency', '=', currency)

  const { code, 'code[prefix]': prefix } = filters
  if (code !== undefined) filtered = filtered.where('code', '=', code)
  if (prefix !== undefined) {
    filtered = filtered.where('code', '>=', prefix).where('code', '<', `${prefix}${afterAllCodes}`)
  }

  const from = filters['created_at[gte]']
  const to = filters['created_at[lt]']
  if (from) filtered = filtered.where('created_at', '>=', toInstant(instantOf(from, time_zone)))
  if (to) filtered = filtered.where('created_at', '<', toInstant(instantOf(to, time_zone)))

  const metadata = wantedMetadata(filters)
  return metadata === null ? filtered : filtered.where(hasMetadata(metadata))
}

/** A character that comes after all of those that codes are made of. */
const afterAllCodes = '~'
