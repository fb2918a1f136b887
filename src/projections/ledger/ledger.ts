import type { AccountDefined, DefinedAccount } from '../../domain/events/account-defined.ts'
import type { AccountsOpened } from '../../domain/events/accounts-opened.ts'
import type { BookOpened } from '../../domain/events/book-opened.ts'
import type { Recorded } from '../../domain/events/index.ts'
import type { TransactionMetadataChanged } from '../../domain/events/transaction-metadata-changed.ts'
import type {
  RecordedTransaction,
  TransactionsRecorded,
} from '../../domain/events/transactions-recorded.ts'
import { derivedId } from '../../domain/ids.ts'
import type { MemberRole } from '../../domain/member.ts'
import { periodId } from '../../domain/period.ts'
import { projection } from '../projection.ts'
import type { Row } from '../table.ts'
import { addEntry, type LedgerRows } from './entries.ts'
import { addHold, postHold, releaseHold, reserve } from './holds.ts'
import { ledgerInvariants } from './invariants.ts'
import { closePeriod, reopenPeriod } from './periods.ts'
import { type LedgerTables, ledgerTables } from './tables.ts'

/** Under which answers about a user's role in a book are cached. */
export const memberTag = (bookId: string, user: string): string => `member:${bookId}:${user}`

/** Under which answers that show accounts by their codes are cached. */
export const codesTag = (bookId: string): string => `codes:${bookId}`

/** Books, members, accounts with their balances, transactions and entries. */
export const ledger = projection({
  name: 'ledger',
  version: 3,
  tables: ledgerTables,
  invariants: ledgerInvariants,

  needs: (event, bookId) => {
    switch (event.type) {
      case 'BookOpened':
      case 'CommandRefused':
      case 'BatchApplied':
        return {}
      case 'PeriodClosed':
        return { book: [bookId] }
      case 'PeriodReopened':
        return {
          book: [bookId],
          period: event.data.closings.map((closing) => periodId(bookId, closing)),
        }
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
        return { book: [bookId], account: accountsOf(event.data.transactions) }
      case 'HoldPosted':
      case 'HoldVoided':
      case 'HoldExpired': {
        const { transaction } = event.data
        return { book: [bookId], account: accountsOf([event.data]), transaction: [transaction] }
      }
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
      case 'HoldPosted':
        return postHold(event, rows, bookId)
      case 'HoldVoided':
        return releaseHold(event, 'voided', rows, bookId)
      case 'HoldExpired':
        return releaseHold(event, 'expired', rows, bookId)
      case 'TransactionMetadataChanged':
        return changeMetadata(event, rows, bookId)
      case 'PeriodClosed':
        return closePeriod(event, rows, bookId)
      case 'PeriodReopened':
        return reopenPeriod(event, rows, bookId)
      case 'MemberSet':
        return setMember(event, event.data.user, event.data.role, rows, bookId)
      case 'MemberRemoved':
        return removeMember(event, event.data.user, rows, bookId)
      case 'CommandRefused':
      case 'BatchApplied':
        return
    }
  },
})

const accountsOf = (
  transactions: readonly { readonly entries: readonly { readonly account: string }[] }[],
): string[] => {
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
  rows.put('book', { ...event.data, ...counts, closed_through: null, ...timesOf(event) })
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
  let line = 0
  let entryCount = 0
  for (const [index, transaction] of event.data.transactions.entries()) {
    const { id, entries, effective_at, status, reverses } = transaction
    const row = toRow(transaction, index, event, bookId)
    if (status === 'pending') {
      addHold(row, entries, rows)
      for (const entry of entries) reserve(entry, event, rows)
      line += entries.length
    } else {
      rows.put('transaction', row)
      for (const entry of entries) {
        addEntry(entry, { transaction_id: id, line: line++, effective_at }, event, rows)
      }
      entryCount += entries.length
    }
    if (reverses !== undefined) rows.tag(`transaction:${reverses}`)
  }
  countInBook(event, entryCount, rows, bookId)
}

/** Of each event of transactions, so it is written out: see `posted`. */
const countInBook = (
  { data, metadata }: Recorded<TransactionsRecorded>,
  entries: number,
  rows: LedgerRows,
  bookId: string,
): void => {
  const book = rows.get('book', bookId)
  rows.put('book', {
    id: book.id,
    name: book.name,
    time_zone: book.time_zone,
    currencies: book.currencies,
    metadata: book.metadata,
    closed_through: book.closed_through,
    account_count: book.account_count,
    transaction_count: book.transaction_count + data.transactions.length,
    entry_count: book.entry_count + entries,
    created_at: book.created_at,
    updated_at: metadata.recorded_at,
    deleted_at: book.deleted_at,
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

const toRow = (
  transaction: RecordedTransaction,
  index: number,
  event: Recorded,
  bookId: string,
): Row<LedgerTables['transaction']> => {
  const { id, status, effective_at, description, metadata } = transaction
  return {
    id,
    status,
    effective_at,
    description,
    metadata,
    requested_effective_at: transaction.requested_effective_at ?? null,
    reference: transaction.reference ?? null,
    reverses: transaction.reverses ?? null,
    expires_at: transaction.expires_at ?? null,
    book_id: bookId,
    revision: event.revision,
    index,
    hold: null,
    settled_revision: null,
    settled_at: null,
    ...timesOf(event),
  }
}
