import { type AccountType, signed } from '../../domain/account.ts'
import { isInRange } from '../../domain/amount.ts'
import type { Recorded } from '../../domain/events/index.ts'
import type { RecordedEntry } from '../../domain/events/transactions-recorded.ts'
import type { Rows } from '../projection.ts'
import type { Row } from '../table.ts'
import type { LedgerTables } from './tables.ts'

export type LedgerRows = Rows<LedgerTables>
type AccountRow = Row<LedgerTables['account']>

/** Which line it is, and when it counts. */
type Place = {
  readonly transaction_id: string
  readonly line: number
  readonly effective_at: string
}

/** Posts a line: the account's balances, and the line itself with its running balance. */
export const addEntry = (
  { account: account_id, direction, amount, currency }: RecordedEntry,
  place: Place,
  { revision, metadata: { recorded_at } }: Recorded,
  rows: LedgerRows,
): void => {
  const { transaction_id, line, effective_at } = place
  const before = rows.get('account', account_id)
  const size = BigInt(amount)
  const change = signed(before.type as AccountType, direction, size)
  const running = before.in_order_balance + change
  // Late entries can keep the balance small where the running one would not fit its column.
  const isInOrder =
    isInRange(running) &&
    effective_at <= recorded_at &&
    (before.in_order_until === null || effective_at >= before.in_order_until)
  const in_order_balance = isInOrder ? running : null
  const after: Partial<AccountRow> = {
    posted: before.posted + change,
    entry_count: before.entry_count + 1,
    revision,
    in_order_until: isInOrder ? effective_at : before.in_order_until,
    in_order_balance: in_order_balance ?? before.in_order_balance,
    maturing_until: maturingUntil(before, change, effective_at, recorded_at),
    updated_at: recorded_at,
  }
  rows.put('account', { ...before, ...after })
  rows.tag(`account:${account_id}`)
  // Named one by one: objects that are spread into one another take twenty times as long.
  rows.add('entry', {
    transaction_id,
    line,
    account_id,
    revision,
    effective_at,
    direction,
    amount: size,
    currency,
    in_order_balance,
    created_at: recorded_at,
  })
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
