import { openFrom } from './fold-changes.ts'
import { type Account, changeOf, isDebitNormal, type Ledger } from './ledger.ts'
import type { Opening, Posting, Settlement } from './plans.ts'

/** What a minimum is compared with, and what a maximum is. */
type Bounds = { readonly least: bigint; readonly most: bigint }

/** Bounds as the earlier items of one batch would leave them. */
export type Overlay = Map<Account, Bounds>

const accountOf = (ledger: Ledger, reference: string): Account | undefined =>
  ledger.codes.get(reference) ?? ledger.accounts.get(reference)

const boundsOf = ({ posted, pendingIncrease, pendingDecrease }: Account): Bounds => ({
  least: posted - pendingDecrease,
  most: posted + pendingIncrease,
})

/** The bounds after it, of every account that it names. */
const boundsAfter = (
  ledger: Ledger,
  overlay: Overlay,
  { entries, status }: Pick<Posting, 'entries' | 'status'>,
): Overlay => {
  const after: Overlay = new Map()
  for (const line of entries) {
    const account = accountOf(ledger, line.account)
    if (!account) continue
    const { least, most } = after.get(account) ?? overlay.get(account) ?? boundsOf(account)
    const change = changeOf(account, line)
    const isHeld = status === 'pending'
    after.set(account, {
      least: isHeld && change > 0n ? least : least + change,
      most: isHeld && change < 0n ? most : most + change,
    })
  }
  return after
}

const beyondLimits = (
  ledger: Ledger,
  overlay: Overlay,
  posting: Pick<Posting, 'entries' | 'status'>,
): string[] => {
  const reasons: string[] = []
  for (const [account, { least, most }] of boundsAfter(ledger, overlay, posting)) {
    const before = overlay.get(account) ?? boundsOf(account)
    const { min, max } = account
    if (min !== null && least < min && least < before.least) reasons.push('balance_too_low')
    if (max !== null && most > max && most > before.most) reasons.push('balance_too_high')
  }
  return reasons
}

/**
 * Every reason for which this ledger has to refuse the posting; none if it has to take it. Accounts
 * with limits take nothing that is dated in the future, so all that is posted there is available.
 */
export const reasonsAgainst = (ledger: Ledger, overlay: Overlay, posting: Posting): string[] => {
  const shut = shutAmong(posting.entries.map(({ account }) => accountOf(ledger, account)))
  if (shut.length > 0) return shut
  const sums = new Map<string, bigint>()
  for (const { account: reference, direction, amount } of posting.entries) {
    const account = accountOf(ledger, reference) as Account
    const signed = direction === 'debit' ? BigInt(amount) : -BigInt(amount)
    sums.set(account.currency, (sums.get(account.currency) ?? 0n) + signed)
  }
  if ([...sums.values()].some((sum) => sum !== 0n)) return ['unbalanced']
  const isTooEarly = isInClosed(ledger, posting)
  return [...(isTooEarly ? ['period_closed'] : []), ...beyondLimits(ledger, overlay, posting)]
}

/** Why these accounts take no entries, where one does not. */
const shutAmong = (accounts: readonly (Account | undefined)[]): string[] =>
  accounts.flatMap((account) => {
    if (!account) return ['account_not_found']
    return account.status === 'open' ? [] : [`account_${account.status}`]
  })

/** What has no date counts from now on, and what is closed is long over. */
const isInClosed = (ledger: Ledger, { effective_at, on_closed_period }: Posting): boolean => {
  const from = openFrom(ledger)
  const isDated = from !== null && effective_at !== undefined && effective_at < from
  return isDated && on_closed_period !== 'roll_forward'
}

export const takeInto = (ledger: Ledger, overlay: Overlay, posting: Posting): void => {
  for (const [account, bounds] of boundsAfter(ledger, overlay, posting)) {
    overlay.set(account, bounds)
  }
}

const ends: Readonly<Record<string, string>> = {
  posted: 'hold_already_posted',
  voided: 'hold_already_voided',
  expired: 'hold_expired',
}

/** Why this ledger has to refuse what is to be done to a hold. */
export const reasonsAgainstSettling = (
  ledger: Ledger,
  hold: string,
  { action, body }: Settlement,
): string[] => {
  const transaction = ledger.transactions.get(hold)
  const held = transaction?.held
  if (!held) return ['transaction_not_found']
  if (action === 'reverse') {
    if (ledger.reversals.has(hold)) return ['already_reversed']
    const posted = held.lines.filter((line) => line.posted > 0n)
    if (held.status === 'pending' || posted.length === 0) return ['not_posted']
    const entries = posted.map(({ account, direction, posted: amount }) => ({
      account: account.id,
      direction: direction === 'debit' ? ('credit' as const) : ('debit' as const),
      amount: String(amount),
    }))
    const shut = shutAmong(posted.map(({ account }) => account))
    return [...shut, ...beyondLimits(ledger, new Map(), { entries })]
  }
  if (held.status !== 'pending') return [ends[held.status] ?? 'unknown']
  const { remaining } = held.lines[0] as { remaining: bigint }
  const isTooMuch = body.amount !== undefined && BigInt(body.amount) > remaining
  const shut = action === 'post' ? shutAmong(held.lines.map(({ account }) => account)) : []
  return [...(isTooMuch ? ['amount_exceeds_hold'] : []), ...shut]
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
