import { type SelectQueryBuilder, sql } from 'kysely'
import Type, { type Static } from 'typebox'
import { type AccountType, normalSide } from '../domain/account.ts'
import { DateOrInstant, instantOf, toInstant } from '../domain/instant.ts'
import { refuse } from '../domain/rejection.ts'
import { balanceBefore } from './balance-at.ts'
import { filtersOf, isWhole } from './filters.ts'
import { accountTags, bookOf, findAccount, isId } from './find-account.ts'
import {
  countUpTo,
  isAfter,
  type OrderColumn,
  onPage,
  paged,
  paging,
  pinnedPageParameters,
} from './page.ts'
import { query, type Reading, type ReadModel } from './query.ts'
import type { ExpandedTransaction, StatementLine } from './resources.ts'

export const ListEntries = Type.Object(
  {
    ...pinnedPageParameters,
    'effective_at[gte]': Type.Optional(DateOrInstant),
    'effective_at[lt]': Type.Optional(DateOrInstant),
    sort: Type.Optional(
      Type.Union([Type.Literal('effective_at'), Type.Literal('-effective_at')], {
        description: 'The oldest first if left out; entries of one instant as they were recorded',
      }),
    ),
    expand: Type.Optional(
      Type.Union(
        ['account', 'transaction', 'account,transaction'].map((expand) => Type.Literal(expand)),
        {
          description:
            'Show id, code, name and type of the account in each line; or status, reference, ' +
            'reverses and metadata of its transaction',
        },
      ),
    ),
  },
  { additionalProperties: false },
)
type ListEntries = Static<typeof ListEntries> & { account: string }

const order: readonly OrderColumn<'effective_at' | 'revision' | 'line'>[] = [
  { column: 'effective_at', type: 'timestamptz' },
  { column: 'revision', type: 'int8' },
  { column: 'line', type: 'int4' },
]

const columns = [
  'transaction_id',
  'line',
  'revision',
  'effective_at',
  'created_at',
  'direction',
  'amount',
  'currency',
] as const

/**
 * An account's statement: its entries in the order of their dates, with the running balance. Those
 * that follow a cursor leave out what was recorded after the first page was shown, so that all of
 * them together are one statement, whatever comes in between.
 */
export const listEntries = query<ListEntries, StatementLine[]>({
  name: 'entries',
  // Metadata of transactions change without a change of the account.
  tags: (bookId, parameters) =>
    parameters.expand === undefined ? accountTags(bookId, parameters) : [`book:${bookId}`],
  isOneStatement: ({ account, ...parameters }) => isId(account) && isWhole(filtersOf(parameters)),

  run: async (reading, { account: reference, ...parameters }) => {
    const { sort = 'effective_at', expand } = parameters
    const filters = filtersOf(parameters)
    const id = isId(reference)
      ? reference.toLowerCase()
      : (await findAccount(reading, reference)).id
    const shape = { list: 'entries', account: id, sort, filters }
    const pages = paging(parameters, shape, reading.sign, () => reading.revision)
    const isDescending = sort.startsWith('-')
    const filtered = filterEntries(reading, id, filters)
    let list = onPage(filtered, pages)
    for (const { column } of order) list = list.orderBy(column, isDescending ? 'desc' : 'asc')
    if (pages.after) {
      list = list.where(isAfter(order, pages.after, isDescending))
      list = list.where('revision', '<=', pages.pin)
    }
    const { account, lines } = await readLines(reading, id, list.select(columns), pages.pin, expand)
    const total = isWhole(filters)
      ? account.entry_count
      : await countUpTo(reading.db, filtered.select('line'))
    const statement = toStatement(account, lines, expand)
    if (isDescending) statement.reverse()
    const { rows, meta } = paged(statement, pages, total, (row) =>
      order.map(({ column }) => row[column]),
    )
    return { data: rows, meta }
  },
})

const filterEntries = (
  reading: Reading,
  accountId: string,
  filters: Omit<Static<typeof ListEntries>, 'expand'>,
) => {
  let filtered = reading.db.selectFrom('entry').where('account_id', '=', accountId)
  const from = filters['effective_at[gte]']
  const to = filters['effective_at[lt]']
  if (!from && !to) return filtered
  const { time_zone } = bookOf(reading)
  if (from) filtered = filtered.where('effective_at', '>=', toInstant(instantOf(from, time_zone)))
  if (to) filtered = filtered.where('effective_at', '<', toInstant(instantOf(to, time_zone)))
  return filtered
}

type Entry = Pick<ReadModel['entry'], (typeof columns)[number]>

type Line = Entry & {
  /** The id of its transaction, if that is there. */
  readonly known: string | null
  readonly description: string | null
} & Partial<Omit<ExpandedTransaction, 'id'>>

type Account = Pick<ReadModel['account'], 'id' | 'code' | 'name' | 'type' | 'exponent'> & {
  readonly entry_count: number
  /** Its balance before the first of the lines. */
  readonly before: string
}

/**
 * The account, and these entries of it, the earliest first; 404 if the book has none. The account
 * comes in a row before theirs: as columns of each it would cost as much as they do.
 */
const readLines = async (
  { db, bookId }: Reading,
  id: string,
  list: SelectQueryBuilder<ReadModel, 'entry', Entry>,
  pin: number,
  expand = '',
): Promise<{ account: Account; lines: readonly Line[] }> => {
  const place = sql`(entry.effective_at, entry.revision, entry.line)`
  const first = sql`(first.effective_at, first.revision, first.line)`
  const more = expand.includes('transaction') ? ', status, reference, reverses, metadata' : ''
  const { rows } = await sql<Line & { account: Account | null }>`
    with lines as materialized (
      select page.*, transaction.id as known, description ${sql.raw(more)}
      from (${list}) as page left join transaction on transaction.id = page.transaction_id
      order by page.effective_at, page.revision, page.line),
    first as (select * from lines order by effective_at, revision, line limit 1),
    shown as (
      select account.id, code, name, type, exponent, entry_count,
        ${balanceBefore(place, first, pin)}::text as before
      from account left join first on true
      where account.id = ${id} and book_id = ${bookId})
    select row_to_json(shown) as account, lines.* from shown left join lines on false
    union all
    select null, lines.* from lines`.execute(db)
  const [head, ...lines] = rows
  if (!head?.account) return refuse('account_not_found', `There is no account ${id} in this book.`)
  return { account: head.account, lines }
}

/** Of lines that follow each other, the earliest first. */
const toStatement = (
  { id, code, name, type, exponent, before }: Account,
  lines: readonly Line[],
  expand = '',
): StatementLine[] => {
  const shown = expand.split(',')
  const side = normalSide(type as AccountType)
  const expanded = shown.includes('account') && {
    account: { id, code, name, type: type as AccountType },
  }
  let balance = BigInt(before)
  return lines.map((line): StatementLine => {
    const { transaction_id, direction, amount } = line
    if (line.known === null) throw new Error(`the read model has no transaction ${transaction_id}`)
    balance += direction === side ? BigInt(amount) : -BigInt(amount)
    return {
      transaction_id,
      line: line.line,
      revision: line.revision,
      effective_at: line.effective_at,
      created_at: line.created_at,
      description: line.description,
      direction: direction as StatementLine['direction'],
      amount,
      currency: line.currency,
      exponent,
      running_balance: String(balance),
      ...expanded,
      ...(shown.includes('transaction') && { transaction: toExpanded(line) }),
    }
  })
}

const toExpanded = ({ transaction_id: id, status, reference, reverses, metadata }: Line) =>
  ({ id, status, reference, reverses, metadata }) as ExpandedTransaction
