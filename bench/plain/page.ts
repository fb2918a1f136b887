import type pg from 'pg'
import type { Reply } from '../../src/api/route.ts'
import { ledgerSchema } from '../parts/book.ts'

const schema = ledgerSchema

/** The page that Daybook lists with a cursor, from the same tables by one statement. */
const text = `
with page as (
  select id, book_id, status, effective_at, description, metadata, revision, index, created_at
  from ${schema}.transaction
  where book_id = $1 and (revision, index) < ($2::int8, $3::int4)
  order by revision desc, index desc limit 51)
select page.*, entry.account_id, account.code, account.exponent, entry.direction, entry.amount,
  entry.currency
from page
join ${schema}.entry on entry.transaction_id = page.id
join ${schema}.account on account.id = entry.account_id
order by page.revision desc, page.index desc, entry.line`

type Row = Readonly<Record<'account_id' | 'code' | 'direction' | 'amount' | 'currency', string>> & {
  readonly id: string
  readonly revision: number
  readonly index: number
  readonly exponent: number
}

export const readPage = async (
  pool: pg.Pool,
  book: string,
  revision: number,
  index: number,
): Promise<Reply> => {
  const { rows } = await pool.query<Row>({ name: 'page', text, values: [book, revision, index] })
  const transactions = new Map<string, { revision: number; index: number; entries: object[] }>()
  for (const { account_id, code, exponent, direction, amount, currency, ...row } of rows) {
    const one = transactions.get(row.id) ?? { ...row, entries: [] }
    if (one.entries.length === 0) transactions.set(row.id, one)
    one.entries.push({ account_id, account_code: code, direction, amount, currency, exponent })
  }
  const shown = [...transactions.values()]
  const last = shown.length > 50 ? shown[49] : undefined
  const nextCursor = last ? `${last.revision}-${last.index}` : null
  return { data: shown.slice(0, 50), meta: { limit: 50, nextCursor } }
}
