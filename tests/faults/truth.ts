import { type Account, changeOf, isDebitNormal, type Ledger } from './fold.ts'
import type { Opening, Posting } from './plans.ts'

/** Balances as the earlier items of one batch would leave them. */
export type Overlay = Map<Account, bigint>

const accountOf = (ledger: Ledger, reference: string): Account | undefined =>
  ledger.codes.get(reference) ?? ledger.accounts.get(reference)

const changesOf = (ledger: Ledger, { entries }: Posting): Map<Account, bigint> => {
  const changes = new Map<Account, bigint>()
  for (const line of entries) {
    const account = accountOf(ledger, line.account)
    if (account) changes.set(account, (changes.get(account) ?? 0n) + changeOf(account, line))
  }
  return changes
}

/**
 * Every reason for which this ledger has to refuse the posting; none if it has to take it. Accounts
 * with limits take nothing that is dated in the future, so their available balance is the posted one.
 */
export const reasonsAgainst = (ledger: Ledger, overlay: Overlay, posting: Posting): string[] => {
  const reasons: string[] = []
  const sums = new Map<string, bigint>()
  for (const { account: reference, direction, amount } of posting.entries) {
    const account = accountOf(ledger, reference)
    if (!account) return ['account_not_found']
    const signed = direction === 'debit' ? BigInt(amount) : -BigInt(amount)
    sums.set(account.currency, (sums.get(account.currency) ?? 0n) + signed)
  }
  if ([...sums.values()].some((sum) => sum !== 0n)) return ['unbalanced']
  for (const [account, change] of changesOf(ledger, posting)) {
    const before = overlay.get(account) ?? account.posted
    const after = before + change
    const { min, max } = account
    if (min !== null && after < min && after < before) reasons.push('balance_too_low')
    if (max !== null && after > max && after > before) reasons.push('balance_too_high')
  }
  return reasons
}

export const takeInto = (ledger: Ledger, overlay: Overlay, posting: Posting): void => {
  for (const [account, change] of changesOf(ledger, posting)) {
    overlay.set(account, (overlay.get(account) ?? account.posted) + change)
  }
}

type Body = Partial<Posting> &
  Partial<Opening> & {
    readonly transactions?: readonly Posting[]
    readonly accounts?: readonly Opening[]
    readonly atomic?: boolean
  }

/** Why this ledger has to refuse the whole command, all reasons there are. */
export const reasonsAgainstCommand = (ledger: Ledger, request: unknown): string[] => {
  const body = request as Body
  const openings = body.accounts ?? (body.code === undefined ? [] : [body as Opening])
  if (openings.length > 0) {
    return openings.some(({ code }) => ledger.codes.has(code)) ? ['account_code_taken'] : []
  }
  if (body.atomic === false) return []
  const overlay: Overlay = new Map()
  for (const posting of body.transactions ?? [body as Posting]) {
    const reasons = reasonsAgainst(ledger, overlay, posting)
    if (reasons.length > 0) return reasons
    takeInto(ledger, overlay, posting)
  }
  return []
}

/** `"12"` and `"0"` in the columns of a trial balance. */
export const columnsOf = (type: string, balance: bigint): { debit: string; credit: string } => {
  const isDebit = isDebitNormal(type) === balance > 0n
  const size = String(balance < 0n ? -balance : balance)
  return isDebit ? { debit: size, credit: '0' } : { debit: '0', credit: size }
}
