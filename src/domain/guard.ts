import { type Account, available } from './account.ts'
import type { EntryRequest } from './entry.ts'
import type { RecordedEntry } from './events/transactions-recorded.ts'
import { type Rejection, reject } from './rejection.ts'

/** An account before and after a transaction. */
export type Change = { readonly before: Account; readonly after: Account }

/**
 * Conditions that a client sets on single entries. One that does not hold fails the transaction.
 * `account_revision` is about the account before it, `available_balance` about what it leaves, like
 * a limit for this transaction alone.
 */
export const checkGuards = (
  lines: readonly EntryRequest[],
  entries: readonly RecordedEntry[],
  changes: ReadonlyMap<string, Change>,
  now: number,
): Rejection | null => {
  for (const [line, guards] of lines.entries()) {
    if (guards.available_balance === undefined && guards.account_revision === undefined) continue
    const { before, after } = changes.get(entries[line]?.account as string) as Change
    const problem = checkRevision(guards, before, line) ?? checkAvailable(guards, after, line, now)
    if (problem) return problem
  }
  return null
}

const checkRevision = (
  { account_revision: expected }: EntryRequest,
  { id, code, balanceRevision }: Account,
  line: number,
): Rejection | null => {
  if (expected === undefined || expected === balanceRevision) return null
  const reason =
    `The balances of ${code} changed last at revision ${balanceRevision}, not at ${expected}. ` +
    'Read it again.'
  const path = `/entries/${line}/account_revision`
  const facts = { account: id, code, account_revision: balanceRevision }
  return reject('guard_failed', reason, [{ path, ...facts, reason }])
}

const checkAvailable = (
  { available_balance }: EntryRequest,
  account: Account,
  line: number,
  now: number,
): Rejection | null => {
  const { gte, lte } = available_balance ?? {}
  const left = available(account, now)
  const isLow = gte !== undefined && left < BigInt(gte)
  if (!isLow && (lte === undefined || left <= BigInt(lte))) return null
  const { id, code, currency } = account
  const bound = isLow ? `at least ${gte}` : `at most ${lte}`
  const reason = `${code} would have ${left} ${currency} available; ${bound} is asked for.`
  const path = `/entries/${line}/available_balance`
  const facts = { account: id, code, available: String(left) }
  return reject('guard_failed', reason, [{ path, ...facts, reason }])
}
