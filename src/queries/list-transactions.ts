import Type, { type Static } from 'typebox'
import { DateOrInstant, instantOf, toInstant } from '../domain/instant.ts'
import { Reference } from '../domain/reference.ts'
import { bookOf, findAccount } from './find-account.ts'
import { countUpTo, isAfter, type OrderColumn, paged, pageParameters, paging } from './page.ts'
import { query, type Reading } from './query.ts'
import type { TransactionResource } from './resources.ts'
import { besideTransaction, toTransaction } from './transaction-entries.ts'

export const ListTransactions = Type.Object(
  {
    ...pageParameters,
    status: Type.Optional(
      Type.Union([
        Type.Literal('posted'),
        Type.Literal('pending'),
        Type.Literal('voided'),
        Type.Literal('expired'),
      ]),
    ),
    reference: Type.Optional(Reference),
    account: Type.Optional(
      Type.String({ maxLength: 128, description: 'Those with an entry of this account' }),
    ),
    'effective_at[gte]': Type.Optional(DateOrInstant),
    'effective_at[lt]': Type.Optional(DateOrInstant),
    sort: Type.Optional(
      Type.Union(
        ['created_at', '-created_at', 'effective_at', '-effective_at'].map((sort) =>
          Type.Literal(sort),
        ),
        { description: '-created_at, the newest first, if left out' },
      ),
    ),
  },
  { additionalProperties: false },
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

  run: async (reading, parameters) => {
    const book = bookOf(reading)
    const { page: _, limit: __, cursor: ___, sort = '-created_at', ...filters } = parameters
    const shape = { list: 'transactions', book: reading.bookId, sort, filters }
    const pages = paging(parameters, shape, reading.sign, reading.revision)
    const isDescending = sort.startsWith('-')
    const order = sort.endsWith('created_at') ? recorded : effective
    const filtered = await filterTransactions(reading, filters, book.time_zone)
    let list = filtered
      .selectAll('transaction')
      .select([...besideTransaction])
      .offset(pages.offset)
      .limit(pages.limit + 1)
    for (const { column } of order) list = list.orderBy(column, isDescending ? 'desc' : 'asc')
    if (pages.after) {
      list = list.where(isAfter(order, pages.after, isDescending))
      list = list.where('revision', '<=', pages.pin)
    }
    const found = await list.execute()
    const isWhole = Object.keys(filters).length === 0
    const total = isWhole
      ? book.transaction_count
      : await countUpTo(reading.db, filtered.select('id'))
    const { rows, meta } = paged(found, pages, total, (row) =>
      order.map(({ column }) => row[column]),
    )
    return { data: rows.map(toTransaction), meta }
  },
})

const filterTransactions = async (
  reading: Reading,
  filters: ListTransactions,
  timeZone: string,
) => {
  let filtered = reading.db.selectFrom('transaction').where('book_id', '=', reading.bookId)
  const from = filters['effective_at[gte]']
  const to = filters['effective_at[lt]']
  if (from) filtered = filtered.where('effective_at', '>=', toInstant(instantOf(from, timeZone)))
  if (to) filtered = filtered.where('effective_at', '<', toInstant(instantOf(to, timeZone)))
  if (filters.status) filtered = filtered.where('status', '=', filters.status)
  if (filters.reference) filtered = filtered.where('reference', '=', filters.reference)
  if (filters.account !== undefined) {
    const { id } = await findAccount(reading, filters.account)
    filtered = filtered.where(({ exists, selectFrom, or }) =>
      or([
        exists(
          selectFrom('entry')
            .select('entry.line')
            .whereRef('entry.transaction_id', '=', 'transaction.id')
            .where('entry.account_id', '=', id),
        ),
        exists(
          selectFrom('hold_entry')
            .select('hold_entry.line')
            .whereRef('hold_entry.transaction_id', '=', 'transaction.id')
            .where('hold_entry.account_id', '=', id),
        ),
      ]),
    )
  }
  return filtered
}
