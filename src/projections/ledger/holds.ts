import { type AccountType, signed } from '../../domain/account.ts'
import type { SettledEntry } from '../../domain/events/hold-entry.ts'
import type { HoldExpired } from '../../domain/events/hold-expired.ts'
import type { HoldPosted } from '../../domain/events/hold-posted.ts'
import type { HoldVoided } from '../../domain/events/hold-voided.ts'
import type { Recorded } from '../../domain/events/index.ts'
import type { RecordedEntry } from '../../domain/events/transactions-recorded.ts'
import { isKept } from '../../domain/hold.ts'
import type { Row } from '../table.ts'
import { addEntry, type LedgerRows } from './entries.ts'
import type { LedgerTables } from './tables.ts'

type TransactionRow = Row<LedgerTables['transaction']>

/** A line of a hold as `transaction.hold` has it: `amount` is what was held at first. */
export type HeldLine = RecordedEntry & { readonly posted: string; readonly remaining: string }

export const addHold = (
  row: TransactionRow,
  entries: readonly RecordedEntry[],
  rows: LedgerRows,
): void => {
  const hold = entries.map(
    (entry): HeldLine => ({ ...entry, posted: '0', remaining: entry.amount }),
  )
  rows.put('transaction', { ...row, hold })
  for (const [line, { account }] of entries.entries()) {
    rows.add('hold_entry', { transaction_id: row.id, line, account_id: account })
  }
}

/** Counts a line of a hold as pending, or what was held of it as such no more. */
export const reserve = (
  { account: id, direction, amount }: RecordedEntry,
  event: Recorded,
  rows: LedgerRows,
  sign = 1n,
): void => {
  if (amount === '0') return
  const account = rows.get('account', id)
  const change = signed(account.type as AccountType, direction, BigInt(amount))
  const column = change > 0n ? 'pending_increase' : 'pending_decrease'
  rows.put('account', {
    ...account,
    [column]: account[column] + sign * BigInt(amount),
    revision: event.revision,
    updated_at: event.metadata.recorded_at,
  })
  rows.tag(`account:${id}`)
}

export const postHold = (event: Recorded<HoldPosted>, rows: LedgerRows, bookId: string): void => {
  const { transaction: transaction_id, entries, effective_at } = event.data
  const { requested_effective_at = null } = event.data
  settle(event, entries, isKept(entries) ? 'pending' : 'posted', rows)
  let count = 0
  for (const [line, entry] of entries.entries()) {
    if (entry.amount === '0') continue
    addEntry(entry, { transaction_id, line, effective_at }, event, rows)
    count++
  }
  const row = rows.get('transaction', transaction_id)
  rows.put('transaction', { ...row, effective_at, requested_effective_at })
  touchBook(event, count, rows, bookId)
}

export const releaseHold = (
  event: Recorded<HoldVoided | HoldExpired>,
  status: 'voided' | 'expired',
  rows: LedgerRows,
  bookId: string,
): void => {
  const entries = event.data.entries.map((entry) => ({ ...entry, remaining: '0' }))
  settle(event, entries, status, rows)
  touchBook(event, 0, rows, bookId)
}

/** Lets go of what is held no more, and says what became of the hold. */
const settle = (
  event: Recorded<HoldPosted | HoldVoided | HoldExpired>,
  entries: readonly SettledEntry[],
  status: string,
  rows: LedgerRows,
): void => {
  const { revision, metadata } = event
  const row = rows.get('transaction', event.data.transaction)
  const hold = (row.hold as readonly HeldLine[]).map((before, line): HeldLine => {
    const { posted, remaining } = entries[line] as SettledEntry
    const amount = String(BigInt(before.remaining) - BigInt(remaining))
    reserve({ ...before, amount }, event, rows, -1n)
    return { ...before, posted, remaining }
  })
  const settled = { settled_revision: revision, settled_at: metadata.recorded_at }
  rows.put('transaction', {
    ...row,
    ...(status !== 'pending' && settled),
    hold,
    status,
    updated_at: metadata.recorded_at,
  })
  rows.tag(`transaction:${row.id}`)
}

const touchBook = (event: Recorded, entries: number, rows: LedgerRows, bookId: string): void => {
  const book = rows.get('book', bookId)
  rows.put('book', {
    ...book,
    entry_count: book.entry_count + entries,
    updated_at: event.metadata.recorded_at,
  })
}
