import Type, { type Static } from 'typebox'
import { filterTransactions, transactionFilters } from './filter-transactions.ts'
import { filtersOf, isWhole, withMetadata } from './filters.ts'
import { bookOf } from './find-account.ts'
import {
  countUpTo,
  isAfter,
  isFew,
  type OrderColumn,
  onPage,
  paged,
  paging,
  pinnedPageParameters,
} from './page.ts'
import { query } from './query.ts'
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

export const listTransactions = query<ListTransactions, TransactionResource[]>({
  name: 'transactions',
  tags: (bookId) => [`book:${bookId}`],
  isOneStatement: (parameters) => isWhole(filtersOf(parameters)),

  run: async (reading, parameters) => {
    const { expand, sort = '-created_at' } = parameters
    const filters = filtersOf(parameters)
    const shape = { list: 'transactions', book: reading.bookId, sort, filters }
    const pages = paging(parameters, shape, reading.sign, () => reading.revision)
    const isDescending = sort.startsWith('-')
    const order = sort.endsWith('created_at') ? recorded : effective
    const { filtered, isFound } = await filterTransactions(reading, filters)
    let list = onPage(filtered, pages)
      .selectAll('transaction')
      .select([...besideTransaction(expand)])
    for (const { column } of order) list = list.orderBy(column, isDescending ? 'desc' : 'asc')
    if (pages.after) {
      list = list.where(isAfter(order, pages.after, isDescending))
      // Whatever comes after a place in this order is older than the pin. If that were said too,
      // Postgres would begin at the pin and walk to the place.
      const isOlder = isDescending && order === recorded
      if (!isOlder) list = list.where('revision', '<=', pages.pin)
    }
    const found = await list.execute()
    const { transaction_count } = bookOf(reading)
    const total = isWhole(filters)
      ? transaction_count
      : isFound || isFew(transaction_count)
        ? await countUpTo(reading.db, filtered.select('id'))
        : null
    const { rows, meta } = paged(found, pages, total, (row) =>
      order.map(({ column }) => row[column]),
    )
    return { data: rows.map(toTransaction), meta }
  },
})
