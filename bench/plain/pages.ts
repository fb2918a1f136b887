import type pg from 'pg'
import type { Reply } from '../../src/api/route.ts'
import { ledgerSchema as schema } from '../parts/book.ts'

/** Of what follows a place: the values of the list's order there. */
type ReadPage = (pool: pg.Pool, book: string, place: readonly string[]) => Promise<Reply>

const size = 50

/** Rows of a page as Daybook shows them; one too many tells whether there is a next one. */
const toPage = <Row>(rows: readonly Row[], placeOf: (row: Row) => readonly unknown[]): Reply => {
  const data = rows.slice(0, size)
  const last = data.at(-1)
  const nextCursor = last && rows.length > size ? placeOf(last).join('-') : null
  return { data, meta: { limit: size, nextCursor } }
}

const transactions = `
with page as (
  select id, book_id, status, effective_at, description, metadata, revision, index, created_at
  from ${schema}.transaction
  where book_id = $1 and (revision, index) < ($2::int8, $3::int4)
  order by revision desc, index desc limit ${size + 1})
select page.*, entry.account_id, account.code, account.exponent, entry.direction, entry.amount,
  entry.currency
from page
join ${schema}.entry on entry.transaction_id = page.id
join ${schema}.account on account.id = entry.account_id
order by page.revision desc, page.index desc, entry.line`

type EntryOfPage = Readonly<
  Record<'account_id' | 'code' | 'direction' | 'amount' | 'currency', string>
> & {
  readonly id: string
  readonly revision: number
  readonly index: number
  readonly exponent: number
}

const readTransactions: ReadPage = async (pool, book, place) => {
  const values = [book, ...place]
  const { rows } = await pool.query<EntryOfPage>({ name: 'page', text: transactions, values })
  const found = new Map<string, { revision: number; index: number; entries: object[] }>()
  for (const { account_id, code, exponent, direction, amount, currency, ...row } of rows) {
    const one = found.get(row.id) ?? { ...row, entries: [] }
    if (one.entries.length === 0) found.set(row.id, one)
    one.entries.push({ account_id, account_code: code, direction, amount, currency, exponent })
  }
  return toPage([...found.values()], ({ revision, index }) => [revision, index])
}

/** The side on which the account grows. */
const normal = `case when account.type in ('asset', 'expense') then 'debit' else 'credit' end`
const toPlace = '(effective_at, revision, line) <= ($3::timestamptz, $4::int8, $5::int4)'

/** The running balance goes on from the last entry before that has one, and the late ones. */
const statement = `
with page as (
  select transaction_id, line, revision, effective_at, created_at, direction, amount, currency
  from ${schema}.entry
  where account_id = $2 and (effective_at, revision, line) > ($3::timestamptz, $4::int8, $5::int4)
  order by effective_at, revision, line limit ${size + 1}),
account as (
  select id, type, exponent,
    coalesce((
      select in_order_balance from ${schema}.entry
      where account_id = account.id and in_order_balance is not null and ${toPlace}
      order by effective_at desc, revision desc, line desc limit 1), 0)
    + coalesce((
      select sum(case when direction = ${normal} then amount else -amount end)
      from ${schema}.entry
      where account_id = account.id and in_order_balance is null and ${toPlace}), 0) as before
  from ${schema}.account where id = $2 and book_id = $1)
select page.*, transaction.description, account.exponent,
  account.before + sum(case when page.direction = ${normal} then page.amount else -page.amount end)
    over (order by page.effective_at, page.revision, page.line) as running_balance
from page cross join account
join ${schema}.transaction on transaction.id = page.transaction_id
order by page.effective_at, page.revision, page.line`

type Line = { readonly effective_at: string; readonly revision: number; readonly line: number }

const readStatement: ReadPage = async (pool, book, place) => {
  const values = [book, ...place]
  const { rows } = await pool.query<Line>({ name: 'statement', text: statement, values })
  return toPage(rows, ({ effective_at, revision, line }) => [effective_at, revision, line])
}

const accounts = `
select id, book_id, code, name, type, currency, exponent, min_balance, max_balance, status, metadata,
  posted, pending_increase - pending_decrease as pending,
  posted - pending_decrease - case when maturing_until > now() then (
    select coalesce(sum(amount), 0) from ${schema}.entry
    where account_id = account.id and effective_at > now() and direction = ${normal}
  ) else 0 end as available,
  entry_count, definition_revision, revision, created_at, updated_at, deleted_at
from ${schema}.account
where book_id = $1 and deleted_at is null and (code, id) > ($2, $3::uuid)
order by code, id limit ${size + 1}`

type Account = Readonly<Record<'id' | 'code' | 'posted' | 'pending' | 'available', string>>

const readAccounts: ReadPage = async (pool, book, place) => {
  const values = [book, ...place]
  const { rows } = await pool.query<Account>({ name: 'accounts', text: accounts, values })
  const found = rows.map(({ posted, pending, available, ...row }) => ({
    ...row,
    balances: { posted, pending, available },
  }))
  return toPage(found, ({ code, id }) => [code, id])
}

/** Pages of lists that Daybook shows with a cursor: the same rows, by one statement each. */
export const pagesByHand = {
  transactions: readTransactions,
  statement: readStatement,
  accounts: readAccounts,
}
export type PageByHand = keyof typeof pagesByHand
