import assert from 'node:assert/strict'
import type { Recorded } from '../../src/domain/events/index.ts'
import type {
  AccountResource,
  BookResource,
  StatementLine,
  TransactionResource,
} from '../../src/queries/resources.ts'
import type { TestBook } from './book.ts'
import type { Daybook } from './daybook.ts'
import { eventsOf } from './log-of-book.ts'

/** A line of a statement as the events tell it. */
export type FoldedLine = Pick<
  StatementLine,
  'transaction_id' | 'line' | 'revision' | 'effective_at' | 'direction' | 'amount'
> & { readonly account: string; running_balance: string }

export type Folded = {
  readonly accounts: Map<string, { code: string; type: string; posted: bigint; entries: number }>
  readonly transactions: Pick<TransactionResource, 'id' | 'revision' | 'effective_at'>[]
  readonly lines: FoldedLine[]
}

/** What a book's events come to, worked out in the plainest way and nothing like the product's. */
const foldNaively = (events: readonly Recorded[]): Folded => {
  const folded: Folded = { accounts: new Map(), transactions: [], lines: [] }
  for (const event of events) {
    const { revision } = event
    if (event.type === 'AccountsOpened') {
      for (const { id, code, type } of event.data.accounts) {
        folded.accounts.set(id, { code, type, posted: 0n, entries: 0 })
      }
    }
    if (event.type !== 'TransactionsRecorded') continue
    let line = 0
    for (const { id, effective_at, entries } of event.data.transactions) {
      folded.transactions.push({ id, revision, effective_at })
      for (const { account, direction, amount } of entries) {
        const place = { transaction_id: id, line: line++, revision, effective_at }
        folded.lines.push({ ...place, account, direction, amount, running_balance: '' })
      }
    }
  }
  for (const [account, it] of folded.accounts) {
    for (const line of statementOf(folded, account)) {
      it.posted = BigInt(line.running_balance)
      it.entries++
    }
  }
  return folded
}

/** An account's lines by date, then as they were recorded, each with the sum up to it. */
export const statementOf = ({ accounts, lines }: Folded, account: string): FoldedLine[] => {
  const type = accounts.get(account)?.type
  const grows = type === 'asset' || type === 'expense' ? 'debit' : 'credit'
  let sum = 0n
  return lines
    .filter((line) => line.account === account)
    .sort(
      (a, b) =>
        Date.parse(a.effective_at) - Date.parse(b.effective_at) ||
        a.revision - b.revision ||
        a.line - b.line,
    )
    .map((line) => {
      sum += line.direction === grows ? BigInt(line.amount) : -BigInt(line.amount)
      return { ...line, running_balance: String(sum) }
    })
}

/** Everything that the API shows of a book is what its events in the event store come to. */
export const assertShowsItsEvents = async (
  running: Pick<Daybook, 'environment'>,
  book: TestBook,
  statements: (code: string) => boolean = () => true,
): Promise<Folded> => {
  const events = await eventsOf(running, book.id)
  const folded = foldNaively(events)
  book.revision = events.length - 1
  const { data } = await book.get<BookResource>('')
  assert.equal(data.account_count, folded.accounts.size)
  assert.equal(data.transaction_count, folded.transactions.length)
  assert.equal(data.entry_count, folded.lines.length)

  const accounts = await book.list<AccountResource>('/accounts?limit=200')
  const shown = accounts.map(({ id, code, type, balances: { posted }, entry_count }) => {
    return [id, { code, type, posted: BigInt(posted), entries: entry_count }] as const
  })
  assert.deepEqual(new Map(shown), folded.accounts)

  const path = '/transactions?limit=200&sort=created_at'
  const transactions = await book.list<TransactionResource>(path)
  assert.deepEqual(
    transactions.map(({ id, revision, effective_at }) => ({ id, revision, effective_at })),
    folded.transactions,
  )
  assert.deepEqual(
    transactions.flatMap(({ id, entries }) =>
      entries.map(({ account_id, direction, amount }) => [id, account_id, direction, amount]),
    ),
    folded.lines.map(({ transaction_id, account, direction, amount }) => [
      transaction_id,
      account,
      direction,
      amount,
    ]),
  )
  for (const { id, code } of accounts.filter((one) => statements(one.code))) {
    const lines = await book.list<StatementLine>(`/accounts/${id}/entries?limit=200`)
    assert.deepEqual(lines.map(toFoldedLine(id)), statementOf(folded, id), code)
  }
  return folded
}

export const toFoldedLine =
  (account: string) =>
  ({
    transaction_id,
    line,
    revision,
    effective_at,
    direction,
    amount,
    running_balance,
  }: StatementLine) => ({
    transaction_id,
    line,
    revision,
    effective_at,
    account,
    direction,
    amount,
    running_balance,
  })
