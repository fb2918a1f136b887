import { canonicalJson } from './chain.ts'
import type { Read } from './journal.ts'
import {
  type Account,
  changeOf,
  type Entry,
  type HeldLine,
  type Ledger,
  type Transaction,
} from './ledger.ts'
import { columnsOf } from './truth.ts'

type Shown = Readonly<Record<string, unknown>>

/** The last of a sorted list that `isUpTo` holds for. */
const lastUpTo = <Item>(items: readonly Item[], isUpTo: (item: Item) => boolean): number => {
  let low = 0
  let high = items.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (isUpTo(items[middle] as Item)) low = middle + 1
    else high = middle
  }
  return low - 1
}

const stateAt = ({ history }: Account, revision: number) =>
  history[lastUpTo(history, (one) => one.at <= revision)]

/** Statements cost a sort of the whole account each. */
const maxStatements = 300

/** Every answer to a read against the ledger as it was at the revision that the answer names. */
export const checkReads = (
  reads: Iterable<Read>,
  ledgers: ReadonlyMap<string, Ledger>,
): { failures: string[]; checked: number } => {
  const failures: string[] = []
  const lists = new Map<string, readonly Transaction[]>()
  let statements = 0
  let checked = 0
  for (const read of reads) {
    const { bookId, minRevision, revision, path, what } = read
    const ledger = ledgers.get(bookId)
    if (!ledger) continue
    const name = `GET ${path} through api-${read.api + 1}, ${new Date(read.sentAt).toISOString()}`
    if (minRevision !== null && revision < minRevision) {
      failures.push(`read: ${name} asked for ${minRevision} and is said to show ${revision}`)
    }
    if (revision > ledger.revision) {
      failures.push(`read: ${name} is said to show ${revision}; the log ends at ${ledger.revision}`)
    }
    if (what === 'entries' && ++statements > maxStatements) continue
    const list = lists.get(bookId) ?? [...ledger.transactions.values()]
    lists.set(bookId, list)
    checked++
    const problem = compare(read, ledger, list)
    if (problem) failures.push(`read: ${name} says revision ${revision}, but ${problem}`)
  }
  return { failures, checked }
}

const compare = (read: Read, ledger: Ledger, list: readonly Transaction[]): string | null => {
  const { what, revision, account: id, data } = read
  const account = id === null ? undefined : ledger.accounts.get(id)
  switch (what) {
    case 'account':
      return account ? compareAccount(data as Shown, account, revision) : 'there is no such account'
    case 'accounts': {
      const shown = data as (Shown & { id: string })[]
      const existing = countExisting(ledger, revision)
      if (shown.length !== existing) return `${shown.length} accounts are shown of ${existing}`
      for (const row of shown) {
        const found = ledger.accounts.get(row.id)
        const problem = found ? compareAccount(row, found, revision) : `${row.id} is no account`
        if (problem) return problem
      }
      return null
    }
    case 'transactions':
      return compareTransactions(data as Shown[], list, revision)
    case 'entries':
      return account ? compareStatement(data as Shown[], account, ledger, revision) : 'no account'
    case 'trial-balance':
      return compareTrialBalance(data, ledger, revision)
    case 'book': {
      const counts = ledger.countsAt[revision]
      const { account_count, transaction_count, entry_count } = data as Shown
      return same(
        { accounts: account_count, transactions: transaction_count, entries: entry_count },
        counts,
      )
    }
  }
}

/** No more than a list shows, so that long books cost no more. */
const countExisting = ({ accounts }: Ledger, revision: number): number => {
  let existing = 0
  for (const account of accounts.values()) {
    if ((stateAt(account, revision)?.status ?? 'closed') === 'closed') continue
    if (++existing === 200) break
  }
  return existing
}

const same = (shown: unknown, folded: unknown): string | null => {
  const [a, b] = [canonicalJson(shown), canonicalJson(folded ?? null)]
  return a === b ? null : `shows ${a}, folded ${b}`
}

const compareAccount = (shown: Shown, account: Account, revision: number): string | null => {
  const state = stateAt(account, revision)
  if (!state) return `${account.code} was not open yet`
  const { code, status, definition_revision, balances, entry_count, updated_at } = shown
  const definition = { code, status, definition_revision }
  const { posted } = balances as Shown
  return same(
    { ...definition, posted, entry_count, updated_at, revision: shown['revision'] },
    {
      code: state.code,
      status: state.status,
      definition_revision: state.definitionRevision,
      posted: String(state.posted),
      entry_count: state.entryCount,
      updated_at: state.updatedAt,
      revision: state.revision,
    },
  )
}

const entryOf = ({ account, direction, amount }: Entry | HeldLine) => ({
  account_id: account.id,
  direction,
  amount: String(amount),
})

const compareTransactions = (
  shown: readonly Shown[],
  list: readonly Transaction[],
  revision: number,
): string | null => {
  const end = lastUpTo(list, (one) => one.revision <= revision) + 1
  const newest = list.slice(Math.max(0, end - 20), end).reverse()
  return same(
    shown.map(({ id, revision, entries }) => ({
      id,
      revision,
      entries: (entries as Shown[]).map(({ account_id, direction, amount }) => ({
        account_id,
        direction,
        amount,
      })),
    })),
    newest.map(({ id, revision, held, entries }) => ({
      id,
      revision,
      entries: (held?.lines ?? entries).map(entryOf),
    })),
  )
}

const compareStatement = (
  shown: readonly Shown[],
  account: Account,
  { entries }: Ledger,
  revision: number,
): string | null => {
  const own = entries.filter((entry) => entry.account === account && entry.revision <= revision)
  own.sort(
    (a, b) =>
      (a.effectiveAt < b.effectiveAt ? -1 : a.effectiveAt > b.effectiveAt ? 1 : 0) ||
      a.revision - b.revision ||
      a.line - b.line,
  )
  let balance = 0n
  const lines = own.map((entry) => {
    const { transactionId, line, direction, amount } = entry
    const sent = { account: account.id, direction: direction as 'debit', amount: String(amount) }
    balance += changeOf(account, sent)
    return { transaction_id: transactionId, line, running_balance: String(balance) }
  })
  return same(
    shown.map(({ transaction_id, line, running_balance }) => ({
      transaction_id,
      line,
      running_balance,
    })),
    lines.slice(-20).reverse(),
  )
}

const compareTrialBalance = (shown: unknown, ledger: Ledger, revision: number): string | null => {
  const folded: Record<string, unknown> = {}
  for (const account of ledger.accounts.values()) {
    const posted = stateAt(account, revision)?.posted ?? 0n
    if (posted !== 0n) folded[account.id] = columnsOf(account.type, posted)
  }
  const { accounts, totals } = shown as { accounts: Shown[]; totals: Shown[] }
  for (const { currency, debit, credit } of totals) {
    if (debit === credit) continue
    return `debits and credits differ: ${canonicalJson({ currency, debit, credit })}`
  }
  const rows = accounts.map(({ account_id, debit, credit }) => [account_id, { debit, credit }])
  return same(Object.fromEntries(rows), folded)
}
