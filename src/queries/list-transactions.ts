import Type, { type Static } from 'typebox'
import { builtOnce } from './built-once.ts'
import {
  allOf,
  filterTransactions,
  type TransactionFilters,
  transactionFilters,
} from './filter-transactions.ts'
import { filtersOf, isWhole, withMetadata } from './filters.ts'
import { bookOf } from './find-account.ts'
import {
  countUpTo,
  isAfter,
  isFew,
  type OrderColumn,
  onPage,
  type Paging,
  paged,
  paging,
  pinnedPageParameters,
} from './page.ts'
import { query, type Reading } from './query.ts'
import type { TransactionResource } from './resources.ts'
import { besideTransaction, Expand, toTransaction } from './transaction-entries.ts'

export const ListTransactions = Type.Object(
  {
    ...pinnedPageParameters,
    ...transactionFilters,
    sort: Type.Optional(
      Type.Union(
        ['created_at', '-created_at', 'effective_at', '-effective_at'].map((sort) =>
          Type.Literal(sort),
        ),
        { description: '-created_at, the newest first, if left out' },
      ),
    ),
    expand: Expand,
  },
  withMetadata,
)
type ListTransactions = Static<typeof ListTransactions>

type Column = 'effective_at' | 'revision' | 'index'
const recorded: readonly OrderColumn<Column>[] = [
  { column: 'revision', type: 'int8' },
  { column: 'index', type: 'int4' },
]
const effective: readonly OrderColumn<Column>[] = [
  { column: 'effective_at', type: 'timestamptz' },
  ...recorded,
]

const orderOf = (sort: string) => (sort.endsWith('created_at') ? recorded : effective)

export const listTransactions = query<ListTransactions, TransactionResource[]>({
  name: 'transactions',
  tags: (bookId) => [`book:${bookId}`],
  isOneStatement: (parameters) => isWhole(filtersOf(parameters)),

  run: async (reading, parameters) => {
    const { expand, sort = '-created_at' } = parameters
    const filters = filtersOf(parameters)
    const list = { list: 'transactions', book: reading.bookId, sort, filters }
    const pages = paging(parameters, list, reading.sign, () => reading.revision)
    const { found, total } = isWhole(filters)
      ? await wholePage(reading, { sort, expand }, pages)
      : await filteredPage(reading, filters, { sort, expand }, pages)
    const order = orderOf(sort)
    const { rows, meta } = paged(found, pages, total, (row) =>
      order.map(({ column }) => row[column]),
    )
    return { data: rows.map(toTransaction), meta }
  },
})

type Pages = Pick<Paging, 'limit' | 'offset' | 'after' | 'pin'>
type Shown = { readonly sort: string; readonly expand: Expand | undefined }

const pageOf = (filtered: ReturnType<typeof allOf>, { sort, expand }: Shown, pages: Pages) => {
  const isDescending = sort.startsWith('-')
  const order = orderOf(sort)
  let list = onPage(filtered, pages)
    .selectAll('transaction')
    .select([...besideTransaction(expand)])
  for (const { column } of order) list = list.orderBy(column, isDescending ? 'desc' : 'asc')
  if (!pages.after) return list
  list = list.where(isAfter(order, pages.after, isDescending))
  // Whatever comes after a place in this order is older than the pin. If that were said too,
  // Postgres would begin at the pin and walk to the place.
  const isOlder = isDescending && order === recorded
  return isOlder ? list : list.where('revision', '<=', pages.pin)
}

const wholePage = async (reading: Reading, shown: Shown, pages: Pages) => {
  const { limit, offset, after } = pages
  const found = await builtOnce(
    reading,
    ['transactions', shown, limit, offset, after !== null],
    [reading.bookId, pages.pin, ...(after ?? [])] as const,
    ([bookId, pin, ...place]) =>
      pageOf(allOf(reading.db, bookId), shown, { limit, offset, after: after && place, pin }),
  )
  return { found, total: bookOf(reading).transaction_count }
}

const filteredPage = async (
  reading: Reading,
  filters: TransactionFilters,
  shown: Shown,
  pages: Pages,
) => {
  const { filtered, isFound } = await filterTransactions(reading, filters)
  const found = await pageOf(filtered, shown, pages).execute()
  const isCounted = isFound || isFew(bookOf(reading).transaction_count)
  const total = isCounted ? await countUpTo(reading.db, filtered.select('id')) : null
  return { found, total }
}
