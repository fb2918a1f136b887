import Type, { type Static } from 'typebox'
import type { Direction } from './entry.ts'

export const AccountType = Type.Union(
  [
    Type.Literal('asset'),
    Type.Literal('liability'),
    Type.Literal('equity'),
    Type.Literal('income'),
    Type.Literal('expense'),
  ],
  { description: 'Assets and expenses have a debit balance, the others a credit balance' },
)
export type AccountType = Static<typeof AccountType>
export const accountTypes: readonly AccountType[] = AccountType.anyOf.map((type) => type.const)

export const AccountStatus = Type.Union(
  [Type.Literal('open'), Type.Literal('frozen'), Type.Literal('closed')],
  { description: 'Only an open account takes entries; a frozen one may be opened again' },
)
export type AccountStatus = Static<typeof AccountStatus>

const code = /^[A-Za-z0-9:._/-]{1,128}$/

export const isAccountCode = (text: string): boolean => code.test(text)

export const AccountCode = Type.String({
  pattern: code.source,
  description:
    '1 to 128 of A-Z a-z 0-9 : . _ / and -, unique among the open accounts of its book, ' +
    'usable wherever an id is',
  examples: ['assets:bank:main'],
})

/** An increase dated in the future: it counts as available from `at` (ms since 1970) on. */
type Maturing = { readonly at: number; readonly amount: bigint }

/** Balances are in the account's normal sign: an increase is a debit for an asset or expense. */
export type Account = {
  readonly id: string
  readonly code: string
  readonly type: AccountType
  readonly currency: string
  readonly status: AccountStatus
  readonly minBalance: bigint | null
  readonly maxBalance: bigint | null
  /** The revision that defined it as it is; its name and metadata stand there. */
  readonly definedAt: number
  /** Every posted entry recorded so far, those dated in the future included. */
  readonly posted: bigint
  readonly maturing: readonly Maturing[]
  /** What open holds would add and take. Neither is netted against the other. */
  readonly pendingIncrease: bigint
  readonly pendingDecrease: bigint
  /** The revision that last changed a balance, or opened the account. */
  readonly balanceRevision: number
}

/** What an account begins with. */
export const emptyBalances = (revision: number) =>
  ({
    posted: 0n,
    maturing: [],
    pendingIncrease: 0n,
    pendingDecrease: 0n,
    balanceRevision: revision,
  }) as const

export const normalSide = (type: AccountType): Direction =>
  type === 'asset' || type === 'expense' ? 'debit' : 'credit'

/** The amount as it changes the account's balance, in its normal sign. */
export const signed = (type: AccountType, direction: Direction, amount: bigint): bigint =>
  direction === normalSide(type) ? amount : -amount

/**
 * What the minimum is compared with at `now`: posted, less increases that are still to come and
 * whatever open holds would take.
 */
export const available = (account: Account, now: number): bigint => {
  let sum = account.posted - account.pendingDecrease
  for (const { at, amount } of account.maturing) if (at > now) sum -= amount
  return sum
}

/** What the maximum is compared with: posted, and whatever open holds would add. */
export const ceiling = ({ posted, pendingIncrease }: Account): bigint => posted + pendingIncrease

/**
 * The account with other balances. Written out: a spread of so many fields takes ten times as long,
 * and a transaction takes several.
 */
const withBalances = (
  account: Account,
  posted: bigint,
  maturing: readonly Maturing[],
  pendingIncrease: bigint,
  pendingDecrease: bigint,
  balanceRevision = account.balanceRevision,
): Account => ({
  posted,
  maturing,
  pendingIncrease,
  pendingDecrease,
  balanceRevision,
  id: account.id,
  code: account.code,
  type: account.type,
  currency: account.currency,
  status: account.status,
  minBalance: account.minBalance,
  maxBalance: account.maxBalance,
  definedAt: account.definedAt,
})

/** The account after one posted entry. A decrease counts at once, an increase from its date on. */
export const post = (
  account: Account,
  change: bigint,
  effectiveAt: number,
  recordedAt: number,
): Account => {
  const { maturing, pendingIncrease, pendingDecrease } = account
  const posted = account.posted + change
  const isToCome = change > 0n && effectiveAt > recordedAt
  const left = maturing.length === 0 ? maturing : maturing.filter(({ at }) => at > recordedAt)
  const toCome = isToCome ? [...left, { at: effectiveAt, amount: change }] : left
  return withBalances(account, posted, toCome, pendingIncrease, pendingDecrease)
}

const hold = (account: Account, increase: bigint, decrease: bigint): Account => {
  const { posted, maturing, pendingIncrease, pendingDecrease } = account
  return withBalances(
    account,
    posted,
    maturing,
    pendingIncrease + increase,
    pendingDecrease + decrease,
  )
}

/** The account after one entry of a hold. */
export const reserve = (account: Account, change: bigint): Account =>
  change > 0n ? hold(account, change, 0n) : hold(account, 0n, -change)

/** The account after a reservation of `change` was let go of. */
export const letGo = (account: Account, change: bigint): Account =>
  change > 0n ? hold(account, -change, 0n) : hold(account, 0n, change)

/** The account as the event of this revision left it. */
export const changedAt = (account: Account, revision: number): Account => {
  const { posted, maturing, pendingIncrease, pendingDecrease } = account
  return withBalances(account, posted, maturing, pendingIncrease, pendingDecrease, revision)
}
