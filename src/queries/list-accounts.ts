import { sql } from 'kysely'
import Type, { type Static } from 'typebox'
import { AccountStatus, AccountType } from '../domain/account.ts'
import { CurrencyCode } from '../domain/currency.ts'
import { DateOrInstant, instantOf, toInstant } from '../domain/instant.ts'
import { bookOf } from './find-account.ts'
import { countUpTo, isAfter, type OrderColumn, paged, pageParameters, paging } from './page.ts'
import { query, type Reading } from './query.ts'
import { type AccountResource, maturing, nextMaturity, toAccount } from './resources.ts'

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
      Type.String({ maxLength: 128, description: 'Codes that begin with this' }),
    ),
    'created_at[gte]': Type.Optional(DateOrInstant),
    'created_at[lt]': Type.Optional(DateOrInstant),
    sort: Type.Optional(
      Type.Union(
        ['code', '-code', 'name', '-name', 'created_at', '-created_at'].map((sort) =>
          Type.Literal(sort),
        ),
        { description: 'code if left out; a minus for the descending order' },
      ),
    ),
  },
  {
    additionalProperties: false,
    patternProperties: {
      '^metadata\\[[A-Za-z0-9_.:-]{1,64}\\]$': Type.String({ maxLength: 1000 }),
    },
  },
)
export type ListAccounts = Static<typeof ListAccounts>

const orders: Record<string, readonly OrderColumn<'code' | 'name' | 'created_at' | 'id'>[]> = {
  code: [{ column: 'code', type: 'text' }],
  name: [{ column: 'name', type: 'text' }],
  created_at: [{ column: 'created_at', type: 'timestamptz' }],
}
const tieBreak: OrderColumn<'id'> = { column: 'id', type: 'uuid' }

export const listAccounts = query<ListAccounts, AccountResource[]>({
  name: 'accounts',
  tags: (bookId) => [`book:${bookId}`],

  run: async (reading, parameters) => {
    const { bookId, now, validUntil } = reading
    const { page: _, limit: __, cursor: ___, sort = 'code', ...filters } = parameters
    const book = bookOf(reading)
    const pages = paging(parameters, { list: 'accounts', bookId, sort, filters }, reading.sign)
    const isDescending = sort.startsWith('-')
    const order = [...(orders[sort.replace('-', '')] ?? []), tieBreak]
    const filtered = filterAccounts(reading, filters, book.time_zone)
    let list = filtered
      .selectAll()
      .select([maturing(now).as('maturing'), nextMaturity(now).as('next_maturity')])
      .offset(pages.offset)
      .limit(pages.limit + 1)
    for (const { column } of order) list = list.orderBy(column, isDescending ? 'desc' : 'asc')
    if (pages.after) list = list.where(isAfter(order, pages.after, isDescending))
    const found = await list.execute()
    for (const { next_maturity } of found) validUntil(next_maturity)
    const isWhole = Object.keys(filters).length === 0
    const total = isWhole ? book.account_count : await countUpTo(reading.db, filtered.select('id'))
    const { rows, meta } = paged(found, pages, total, (row) =>
      order.map(({ column }) => row[column]),
    )
    return { data: rows.map(toAccount), meta }
  },
})

const filterAccounts = (
  { db, bookId }: Reading,
  filters: Omit<ListAccounts, 'page' | 'limit' | 'cursor' | 'sort'>,
  timeZone: string,
) => {
  let filtered = db.selectFrom('account').where('book_id', '=', bookId)
  if (filters.status !== 'closed') filtered = filtered.where('deleted_at', 'is', null)
  for (const column of ['type', 'currency', 'status', 'code'] as const) {
    const value = filters[column]
    if (value !== undefined) filtered = filtered.where(column, '=', value)
  }
  const prefix = filters['code[prefix]']
  if (prefix !== undefined) filtered = filtered.where(sql<boolean>`starts_with(code, ${prefix})`)
  const from = filters['created_at[gte]']
  const to = filters['created_at[lt]']
  if (from) filtered = filtered.where('created_at', '>=', toInstant(instantOf(from, timeZone)))
  if (to) filtered = filtered.where('created_at', '<', toInstant(instantOf(to, timeZone)))
  const metadata = Object.entries(filters).flatMap(([name, value]) => {
    const key = /^metadata\[(.*)\]$/.exec(name)?.[1]
    return key === undefined ? [] : [[key, value] as const]
  })
  if (metadata.length > 0) {
    const wanted = JSON.stringify(Object.fromEntries(metadata))
    filtered = filtered.where(sql<boolean>`metadata @> ${wanted}::jsonb`)
  }
  return filtered
}
