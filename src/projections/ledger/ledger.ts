import { type AccountType, signed } from '../../domain/account.ts'
import { isInRange } from '../../domain/amount.ts'
import type { AccountDefined, DefinedAccount } from '../../domain/events/account-defined.ts'
import type { AccountsOpened } from '../../domain/events/accounts-opened.ts'
import type { BookOpened } from '../../domain/events/book-opened.ts'
import type { Recorded } from '../../domain/events/index.ts'
import type { TransactionMetadataChanged } from '../../domain/events/transaction-metadata-changed.ts'
import type {
  RecordedEntry,
  RecordedTransaction,
  TransactionsRecorded,
} from '../../domain/events/transactions-recorded.ts'
import { derivedId } from '../../domain/ids.ts'
import type { MemberRole } from '../../domain/member.ts'
import { projection, type Rows } from '../projection.ts'
import type { Row } from '../table.ts'
import { type LedgerTables, ledgerTables } from './tables.ts'

type LedgerRows = Rows<LedgerTables>
type AccountRow = Row<LedgerTables['account']>

/** Under which answers about a user's role in a book are cached. */
export const memberTag = (bookId: string, user: string): string => `member:${bookId}:${user}`

/** Under which answers that show accounts by their codes are cached. */
export const codesTag = (bookId: string): string => `codes:${bookId}`

/** Books, members, accounts with their balances, transactions and entries. */
export const ledger = projection({
  name: 'ledger',
  version: 1,
  tables: ledgerTables,

  needs: (event, bookId) => {
    switch (event.type) {
      case 'BookOpened':
      case 'CommandRefused':
        return {}
      case 'MemberSet':
      case 'MemberRemoved':
        return { member: [memberId(bookId, event.data.user)] }
      case 'AccountsOpened':
        return { book: [bookId] }
      case 'AccountUpdated':
      case 'AccountFrozen':
      case 'AccountUnfrozen':
      case 'AccountClosed':
        return { book: [bookId], account: [event.data.account.id] }
      case 'TransactionsRecorded':
        return { book: [bookId], account: accountsOf(event.data) }
      case 'TransactionMetadataChanged':
        return { book: [bookId], transaction: [event.data.transaction] }
    }
  },

  apply: (event, rows, bookId) => {
    rows.tag(`book:${bookId}`)
    switch (event.type) {
      case 'BookOpened':
        openBook(event, rows)
        return setMember(event, event.metadata.actor, 'owner', rows, bookId)
      case 'AccountsOpened':
        return openAccounts(event, rows, bookId)
      case 'AccountUpdated':
      case 'AccountFrozen':
      case 'AccountUnfrozen':
      case 'AccountClosed':
        return defineAccount(event, rows, bookId)
      case 'TransactionsRecorded':
        return recordTransactions(event, rows, bookId)
      case 'TransactionMetadataChanged':
        return changeMetadata(event, rows, bookId)
      case 'MemberSet':
        return setMember(event, event.data.user, event.data.role, rows, bookId)
      case 'MemberRemoved':
        return removeMember(event, event.data.user, rows, bookId)
      case 'CommandRefused':
        return
    }
  },
})

const accountsOf = ({ transactions }: TransactionsRecorded['data']): string[] => {
  const ids = new Set<string>()
  for (const { entries } of transactions) for (const { account } of entries) ids.add(account)
  return [...ids]
}

const timesOf = ({ metadata: { recorded_at } }: Recorded) => ({
  created_at: recorded_at,
  updated_at: recorded_at,
  deleted_at: null,
})

const openBook = (event: Recorded<BookOpened>, rows: LedgerRows): void => {
  const counts = { account_count: 0, transaction_count: 0, entry_count: 0 }
  rows.put('book', { ...event.data, ...counts, ...timesOf(event) })
}

const memberId = (bookId: string, user: string): string => derivedId('member', bookId, user)

const setMember = (
  event: Recorded,
  user: string,
  role: MemberRole,
  rows: LedgerRows,
  bookId: string,
): void => {
  const id = memberId(bookId, user)
  const times = timesOf(event)
  const { created_at } = rows.find('member', id) ?? times
  rows.put('member', { id, book_id: bookId, user_id: user, role, ...times, created_at })
  rows.tag(memberTag(bookId, user))
}

const removeMember = (event: Recorded, user: string, rows: LedgerRows, bookId: string): void => {
  const { recorded_at } = event.metadata
  const member = rows.get('member', memberId(bookId, user))
  rows.put('member', { ...member, updated_at: recorded_at, deleted_at: recorded_at })
  rows.tag(memberTag(bookId, user))
}

const openAccounts = (event: Recorded<AccountsOpened>, rows: LedgerRows, bookId: string): void => {
  for (const account of event.data.accounts) {
    rows.put('account', {
      ...definitionOf({ ...account, status: 'open' }),
      book_id: bookId,
      definition_revision: event.revision,
      posted: 0n,
      pending_increase: 0n,
      pending_decrease: 0n,
      entry_count: 0,
      revision: event.revision,
      in_order_until: null,
      in_order_balance: 0n,
      maturing_until: null,
      ...timesOf(event),
    })
    rows.tag(`account:${account.id}`)
  }
  const book = rows.get('book', bookId)
  const account_count = book.account_count + event.data.accounts.length
  rows.put('book', { ...book, account_count, updated_at: event.metadata.recorded_at })
}

const definitionOf = ({ min_balance, max_balance, ...definition }: DefinedAccount) => ({
  ...definition,
  min_balance: min_balance === null ? null : BigInt(min_balance),
  max_balance: max_balance === null ? null : BigInt(max_balance),
})

const defineAccount = (event: Recorded<AccountDefined>, rows: LedgerRows, bookId: string): void => {
  const { account } = event.data
  const { recorded_at } = event.metadata
  const isClosed = event.type === 'AccountClosed'
  const before = rows.get('account', account.id)
  rows.put('account', {
    ...before,
    ...definitionOf(account),
    definition_revision: event.revision,
    updated_at: recorded_at,
    deleted_at: isClosed ? recorded_at : null,
  })
  rows.tag(`account:${account.id}`)
  if (account.code !== before.code) rows.tag(codesTag(bookId))
  const book = rows.get('book', bookId)
  const account_count = book.account_count - (isClosed ? 1 : 0)
  rows.put('book', { ...book, account_count, updated_at: recorded_at })
}

const recordTransactions = (
  event: Recorded<TransactionsRecorded>,
  rows: LedgerRows,
  bookId: string,
): void => {
  const { revision, data } = event
  let line = 0
  for (const [index, transaction] of data.transactions.entries()) {
    const { id, status, effective_at, description, metadata } = transaction
    const content = { id, status, effective_at, description, metadata }
    rows.put('transaction', { ...content, book_id: bookId, revision, index, ...timesOf(event) })
    for (const entry of transaction.entries) addEntry(entry, line++, transaction, event, rows)
  }
  const book = rows.get('book', bookId)
  rows.put('book', {
    ...book,
    transaction_count: book.transaction_count + data.transactions.length,
    entry_count: book.entry_count + line,
    updated_at: event.metadata.recorded_at,
  })
}

const changeMetadata = (
  {
    data: { transaction: id, metadata },
    metadata: { recorded_at },
  }: Recorded<TransactionMetadataChanged>,
  rows: LedgerRows,
  bookId: string,
): void => {
  const updated_at = recorded_at
  rows.put('transaction', { ...rows.get('transaction', id), metadata, updated_at })
  rows.put('book', { ...rows.get('book', bookId), updated_at })
  rows.tag(`transaction:${id}`)
}

const addEntry = (
  { account: account_id, direction, amount, currency }: RecordedEntry,
  line: number,
  { id: transaction_id, effective_at }: RecordedTransaction,
  { revision, metadata: { recorded_at } }: Recorded,
  rows: LedgerRows,
): void => {
  const before = rows.get('account', account_id)
  const change = signed(before.type as AccountType, direction, BigInt(amount))
  const running = before.in_order_balance + change
  // Late entries can keep the balance small where the running one would not fit its column.
  const isInOrder =
    isInRange(running) &&
    effective_at <= recorded_at &&
    (before.in_order_until === null || effective_at >= before.in_order_until)
  const in_order_balance = isInOrder ? running : null
  const after: AccountRow = {
    ...before,
    posted: before.posted + change,
    entry_count: before.entry_count + 1,
    revision,
    in_order_until: isInOrder ? effective_at : before.in_order_until,
    in_order_balance: in_order_balance ?? before.in_order_balance,
    maturing_until: maturingUntil(before, change, effective_at, recorded_at),
    updated_at: recorded_at,
  }
  rows.put('account', after)
  rows.tag(`account:${account_id}`)
  const place = { transaction_id, line, account_id, revision, effective_at }
  const what = { direction, amount: BigInt(amount), currency, in_order_balance }
  rows.add('entry', { ...place, ...what, created_at: recorded_at })
}

const maturingUntil = (
  { maturing_until }: AccountRow,
  change: bigint,
  effectiveAt: string,
  recordedAt: string,
): string | null => {
  if (change <= 0n || effectiveAt <= recordedAt) return maturing_until
  return maturing_until === null || effectiveAt > maturing_until ? effectiveAt : maturing_until
}
