import { hash } from 'node:crypto'
import { canonical } from './chain.ts'
import type { Recorded } from './events/index.ts'
import type { RecordedEntry } from './events/transactions-recorded.ts'

/** Each account's balance by its id, as a debit; a credit is below zero. */
export type TrialBalance = Map<string, { readonly currency: string; readonly debit: bigint }>

/** Entries that count, each set from one date on. */
type Posting = { readonly effective_at: string; readonly entries: readonly RecordedEntry[] }

/** What an event posts. */
const postingsOf = (event: Recorded): readonly Posting[] => {
  switch (event.type) {
    case 'TransactionsRecorded':
      return event.data.transactions.filter(({ status }) => status === 'posted')
    case 'HoldPosted':
      return [event.data]
    case 'HoldVoided':
    case 'HoldExpired':
    case 'BookOpened':
    case 'AccountsOpened':
    case 'AccountUpdated':
    case 'AccountFrozen':
    case 'AccountUnfrozen':
    case 'AccountClosed':
    case 'TransactionMetadataChanged':
    case 'PeriodClosed':
    case 'PeriodReopened':
    case 'MemberSet':
    case 'MemberRemoved':
    case 'CommandRefused':
    case 'BatchApplied':
      return []
  }
}

/** Adds what the event posts with a date before `end`, in ms since 1970. */
export const addToTrialBalance = (balance: TrialBalance, event: Recorded, end: number): void => {
  for (const { effective_at, entries } of postingsOf(event)) {
    if (Date.parse(effective_at) >= end) continue
    for (const { account, currency, direction, amount } of entries) {
      const change = direction === 'debit' ? BigInt(amount) : -BigInt(amount)
      const debit = (balance.get(account)?.debit ?? 0n) + change
      balance.set(account, { currency, debit })
    }
  }
}

export type TrialBalanceLine = {
  readonly account_id: string
  readonly currency: string
  readonly debit: string
  readonly credit: string
}

/** The accounts whose balance is not zero. */
export const linesOf = (balance: TrialBalance): TrialBalanceLine[] => {
  const lines: TrialBalanceLine[] = []
  for (const [account_id, { currency, debit }] of balance) {
    if (debit > 0n) lines.push({ account_id, currency, debit: String(debit), credit: '0' })
    if (debit < 0n) lines.push({ account_id, currency, debit: '0', credit: String(-debit) })
  }
  return lines
}

/**
 * SHA-256, in lower-case hex, of the canonical JSON (RFC 8785) of the lines in the order of their
 * accounts' ids. Codes and names are left out: they may change, and the hash of a closed period
 * does not.
 */
export const trialBalanceHash = (lines: readonly TrialBalanceLine[]): string => {
  const ordered = lines
    .map(({ account_id, credit, currency, debit }) => ({ account_id, credit, currency, debit }))
    .sort((one, other) => (one.account_id < other.account_id ? -1 : 1))
  return hash('sha256', canonical(ordered), 'hex')
}
