import { sql } from 'kysely'
import Type, { type Static } from 'typebox'
import { type AccountType, normalSide } from '../domain/account.ts'
import { DateOrInstant, instantOf, toInstant } from '../domain/instant.ts'
import { balanceBefore } from './balance-at.ts'
import { accountTags, bookOf, findAccount } from './find-account.ts'
import { countUpTo, isAfter, type OrderColumn, paged, pageParameters, paging } from './page.ts'
import { query, type Reading } from './query.ts'
import { type AccountRow, type StatementLine } from './resources.ts'

export const ListEntries = Type.Object(
  {
    ...pageParameters,
    'effective_at[gte]': Type.Optional(DateOrInstant),
    'effective_at[lt]': Type.Optional(DateOrInstant),
    sort: Type.Optional(
      Type.Union([Type.Literal('effective_at'), Type.Literal('-effective_at')], {
        description: 'The oldest first if left out; entries of one instant as they were recorded',
      }),
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

/**
 * An account's statement: its entries in the order of their dates, with the running balance. Those
 * that follow a cursor leave out what was recorded after the first page was shown, so that all of
 * them together are one statement, whatever comes in between.
 */
export const listEntries = query<ListEntries, StatementLine[]>({
  name: 'entries',
  tags: accountTags,

  run: async (reading, { account: reference, ...parameters }) => {
    const account = await findAccount(reading, reference)
    const { time_zone } = bookOf(reading)
    const { page: _, limit: __, cursor: ___, sort = 'effective_at', ...filters } = parameters
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
    const found = await list
      .select(['transaction_id', 'line', 'revision', 'effective_at', 'created_at'])
      .select(['direction', 'amount', 'currency'])
      .execute()
    const isWhole = Object.keys(filters).length === 0
    const total = isWhole
      ? account.entry_count
      : await countUpTo(reading.db, filtered.select('line'))
    const { rows, meta } = paged(found, pages, total, (row) =>
      order.map(({ column }) => row[column]),
    )
    const lines = isDescending ? rows.toReversed() : rows
    const data = await withRunningBalance(reading, account, lines, pages.pin)
    return { data: isDescending ? data.reverse() : data, meta }
  },
})

const filterEntries = (
  { db }: Reading,
  accountId: string,
  filters: Static<typeof ListEntries>,
  timeZone: string,
) => {
  let filtered = db.selectFrom('entry').where('account_id', '=', accountId)
  const from = filters['effective_at[gte]']
  const to = filters['effective_at[lt]']
  if (from) filtered = filtered.where('effective_at', '>=', toInstant(instantOf(from, timeZone)))
  if (to) filtered = filtered.where('effective_at', '<', toInstant(instantOf(to, timeZone)))
  return filtered
}

type Line = Omit<StatementLine, 'description' | 'exponent' | 'running_balance' | 'direction'> & {
  direction: string
}

/** Of lines that follow each other, the earliest first. */
const withRunningBalance = async (
  { db }: Reading,
  account: AccountRow,
  lines: readonly Line[],
  pin: number,
): Promise<StatementLine[]> => {
  const [first] = lines
  if (!first) return []
  const place = sql`(entry.effective_at, entry.revision, entry.line)`
  const bound = sql`(${first.effective_at}::timestamptz, ${first.revision}::int8, ${first.line}::int4)`
  const { opening } = await db
    .selectFrom('account')
    .select(balanceBefore(place, bound, pin).as('opening'))
    .where('id', '=', account.id)
    .executeTakeFirstOrThrow()
  const transactions = await db
    .selectFrom('transaction')
    .select(['id', 'description'])
    .where('id', 'in', [...new Set(lines.map(({ transaction_id }) => transaction_id))])
    .execute()
  const descriptions = new Map(transactions.map(({ id, description }) => [id, description]))
  const normal = normalSide(account.type as AccountType)
  let balance = BigInt(opening)
  return lines.map((line): StatementLine => {
    balance += line.direction === normal ? BigInt(line.amount) : -BigInt(line.amount)
    return {
      ...line,
      direction: line.direction as StatementLine['direction'],
      description: descriptions.get(line.transaction_id) ?? null,
      exponent: account.exponent,
      running_balance: String(balance),
    }
  })
}
