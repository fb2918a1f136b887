import assert from 'node:assert/strict'
import type { HoldExpired } from '../../src/domain/events/hold-expired.ts'
import type { HoldPosted } from '../../src/domain/events/hold-posted.ts'
import type { HoldVoided } from '../../src/domain/events/hold-voided.ts'
import type { Recorded } from '../../src/domain/events/index.ts'
import type { TransactionsRecorded } from '../../src/domain/events/transactions-recorded.ts'
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

/** An account with what open holds would add to it less what they would take. */
type FoldedAccount = {
  code: string
  type: string
  posted: bigint
  pending: bigint
  entries: number
}
type Part = Pick<TransactionResource['entries'][number], 'account_id' | 'direction' | 'amount'>
type FoldedTransaction = Pick<
  TransactionResource,
  'id' | 'revision' | 'effective_at' | 'status' | 'settled_revision'
> & { readonly entries: readonly Part[]; held: readonly bigint[] }

export type Folded = {
  readonly accounts: Map<string, FoldedAccount>
  readonly transactions: FoldedTransaction[]
  readonly lines: FoldedLine[]
}

/** What a book's events come to, worked out in the plainest way and nothing like the product's. */
const foldNaively = (events: readonly Recorded[]): Folded => {
  const folded: Folded = { accounts: new Map(), transactions: [], lines: [] }
  for (const event of events) {
    if (event.type === 'AccountsOpened') {
      for (const { id, code, type } of event.data.accounts) {
        folded.accounts.set(id, { code, type, posted: 0n, pending: 0n, entries: 0 })
      }
    }
    if (event.type === 'TransactionsRecorded') foldTransactions(folded, event)
    if (event.type === 'HoldPosted') foldPosting(folded, event)
    if (event.type === 'HoldVoided') end(folded, event, 'voided')
    if (event.type === 'HoldExpired') end(folded, event, 'expired')
  }
  for (const [account, it] of folded.accounts) {
    for (const line of statementOf(folded, account)) {
      it.posted = BigInt(line.running_balance)
      it.entries++
    }
  }
  for (const { entries, held } of folded.transactions) {
    for (const [line, { account_id, direction }] of entries.entries()) {
      const account = folded.accounts.get(account_id)
      if (!account) continue
      account.pending += (growsBy(account.type) === direction ? 1n : -1n) * (held[line] ?? 0n)
    }
  }
  return folded
}

const foldTransactions = (folded: Folded, event: Recorded<TransactionsRecorded>): void => {
  const { revision } = event
  let line = 0
  for (const { id, status, effective_at, entries } of event.data.transactions) {
    const isHeld = status === 'pending'
    folded.transactions.push({
      id,
      revision,
      effective_at,
      status,
      settled_revision: null,
      entries: entries.map(({ account, direction, amount }) => ({
        account_id: account,
        direction,
        amount,
      })),
      held: isHeld ? entries.map(({ amount }) => BigInt(amount)) : [],
    })
    for (const { account, direction, amount } of entries) {
      const place = { transaction_id: id, line: line++, revision, effective_at }
      if (!isHeld) folded.lines.push({ ...place, account, direction, amount, running_balance: '' })
    }
  }
}

const foldPosting = (folded: Folded, { data, revision }: Recorded<HoldPosted>): void => {
  const { transaction, effective_at, entries } = data
  for (const [line, { account, direction, amount }] of entries.entries()) {
    const place = { transaction_id: transaction, line, revision, effective_at }
    if (amount === '0') continue
    folded.lines.push({ ...place, account, direction, amount, running_balance: '' })
  }
  const hold = folded.transactions.find(({ id }) => id === transaction)
  assert(hold, `event ${revision} posts a hold that is not there`)
  hold.held = entries.map(({ remaining }) => BigInt(remaining))
  hold.effective_at = effective_at
  if (hold.held.some((amount) => amount > 0n)) return
  hold.status = 'posted'
  hold.settled_revision = revision
}

const end = (
  { transactions }: Folded,
  { data, revision }: Recorded<HoldVoided | HoldExpired>,
  status: 'voided' | 'expired',
): void => {
  const hold = transactions.find(({ id }) => id === data.transaction)
  assert(hold, `event ${revision} ends a hold that is not there`)
  Object.assign(hold, { status, settled_revision: revision, held: [] })
}

const growsBy = (type: string) => (type === 'asset' || type === 'expense' ? 'debit' : 'credit')

/** An account's lines by date, then as they were recorded, each with the sum up to it. */
export const statementOf = ({ accounts, lines }: Folded, account: string): FoldedLine[] => {
  const grows = growsBy(accounts.get(account)?.type ?? '')
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
  const shown = accounts.map(({ id, code, type, balances, entry_count }) => {
    const [posted, pending] = [BigInt(balances.posted), BigInt(balances.pending)]
    return [id, { code, type, posted, pending, entries: entry_count }] as const
  })
  assert.deepEqual(new Map(shown), folded.accounts)

  const path = '/transactions?limit=200&sort=created_at'
  const transactions = await book.list<TransactionResource>(path)
  assert.deepEqual(
    transactions.map(({ id, revision, effective_at, status, settled_revision, entries }) => ({
      id,
      revision,
      effective_at,
      status,
      settled_revision,
      entries: entries.map(({ account_id, direction, amount }) => ({
        account_id,
        direction,
        amount,
      })),
    })),
    folded.transactions.map(({ held: _, ...transaction }) => transaction),
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
