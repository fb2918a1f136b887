import { sql } from 'kysely'
import Type, { type Static } from 'typebox'
import { type AccountType, normalSide } from '../domain/account.ts'
import { DateOrInstant, instantOf, toInstant } from '../domain/instant.ts'
import { balanceBefore } from './balance-at.ts'
import { accountTags, bookOf, findAccount } from './find-account.ts'
import {
  countUpTo,
  isAfter,
  type OrderColumn,
  paged,
  paging,
  pinnedPageParameters,
} from './page.ts'
import { query, type Reading, type ReadModel } from './query.ts'
import type { AccountRow, ExpandedTransaction, StatementLine } from './resources.ts'

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

  run: async (reading, { account: reference, ...parameters }) => {
    const account = await findAccount(reading, reference)
    const { time_zone } = bookOf(reading)
    const {
      page: _,
      limit: __,
      cursor: ___,
      expand,
      sort = 'effective_at',
      ...filters
    } = parameters
    const shape = { list: 'entries', account: account.id, sort, filters }
    const pages = paging(parameters, shape, reading.sign, reading.revision)
    const isDescending = sort.startsWith('-')
    const filtered = filterEntries(reading, account.id, filters, time_zone)
    let list = filtered.offset(pages.offset).limit(pages.limit + 1)
    for (const { column } of order) list = list.orderBy(column, isDescending ? 'desc' : 'asc')
    if (pages.after) {
      list = list.where(isAfter(order, pages.after, isDescending))
      list = list.where('revision', '<=', pages.pin)
    }
    let described = reading.db
      .selectFrom(list.select(columns).as('entry'))
      .leftJoin('transaction', 'transaction.id', 'entry.transaction_id')
      .selectAll('entry')
      .select(['transaction.id as known', 'transaction.description'])
    for (const { column } of order) {
      described = described.orderBy(`entry.${column}`, isDescending ? 'desc' : 'asc')
    }
    const found = await described.execute()
    const isWhole = Object.keys(filters).length === 0
    const total = isWhole
      ? account.entry_count
      : await countUpTo(reading.db, filtered.select('line'))
    const { rows, meta } = paged(found, pages, total, (row) =>
      order.map(({ column }) => row[column]),
    )
    const lines = isDescending ? rows.toReversed() : rows
    const data = await toStatement(reading, account, lines, pages.pin, expand)
    return { data: isDescending ? data.reverse() : data, meta }
  },
})

const filterEntries = (
  { db }: Reading,
  accountId: string,
  filters: Omit<Static<typeof ListEntries>, 'expand'>,
  timeZone: string,
) => {
  let filtered = db.selectFrom('entry').where('account_id', '=', accountId)
  const from = filters['effective_at[gte]']
  const to = filters['effective_at[lt]']
  if (from) filtered = filtered.where('effective_at', '>=', toInstant(instantOf(from, timeZone)))
  if (to) filtered = filtered.where('effective_at', '<', toInstant(instantOf(to, timeZone)))
  return filtered
}

type Line = Pick<ReadModel['entry'], (typeof columns)[number]> & {
  /** The id of its transaction, if that is there. */
  readonly known: string | null
  readonly description: string | null
}

/** Of lines that follow each other, the earliest first. */
const toStatement = async (
  reading: Reading,
  account: AccountRow,
  lines: readonly Line[],
  pin: number,
  expand = '',
): Promise<StatementLine[]> => {
  const [first] = lines
  if (!first) return []
  const { id, code, name, exponent } = account
  const type = account.type as AccountType
  const shown = expand.split(',')
  const expandedAccount = shown.includes('account') && { account: { id, code, name, type } }
  const transactions = shown.includes('transaction') && (await transactionsOf(reading, lines))
  let balance = await balanceUpTo(reading, account, first, pin)
  return lines.map(({ known, ...line }): StatementLine => {
    const { transaction_id, direction, amount } = line
    if (known === null) throw new Error(`the read model has no transaction ${transaction_id}`)
    balance += direction === normalSide(type) ? BigInt(amount) : -BigInt(amount)
    return {
      ...line,
      direction: direction as StatementLine['direction'],
      exponent,
      running_balance: String(balance),
      ...expandedAccount,
      ...(transactions && { transaction: transactions.get(known) as ExpandedTransaction }),
    }
  })
}

/** The balance before a line, in the order of a statement. */
const balanceUpTo = async (
  { db }: Reading,
  { id }: AccountRow,
  { effective_at, revision, line }: Line,
  pin: number,
): Promise<bigint> => {
  const place = sql`(entry.effective_at, entry.revision, entry.line)`
  const bound = sql`(${effective_at}::timestamptz, ${revision}::int8, ${line}::int4)`
  const { balance } = await db
    .selectFrom('account')
    .select(balanceBefore(place, bound, pin).as('balance'))
    .where('id', '=', id)
    .executeTakeFirstOrThrow()
  return BigInt(balance)
}

/** Those that the lines are of, in one query whatever their number. */
const transactionsOf = async ({ db }: Reading, lines: readonly Line[]) => {
  const ids = [...new Set(lines.map(({ transaction_id }) => transaction_id))]
  const rows = await db
    .selectFrom('transaction')
    .select(['id', 'status', 'reference', 'reverses', 'metadata'])
    .where('id', '=', sql<string>`any(${ids}::uuid[])`)
    .execute()
  return new Map(rows.map((row) => [row.id, row]))
}
