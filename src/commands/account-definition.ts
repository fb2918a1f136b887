import Type, { type Static } from 'typebox'
import { type Account, available, ceiling } from '../domain/account.ts'
import { isInRange, SignedAmount } from '../domain/amount.ts'
import { type Book, findAccount } from '../domain/book.ts'
import {
  type AccountDefined,
  type DefinedAccount,
  isAccountDefined,
} from '../domain/events/account-defined.ts'
import type { Recorded } from '../domain/events/index.ts'
import type { Mention } from '../domain/lookup.ts'
import { type Rejection, reject } from '../domain/rejection.ts'
import { accepted, type Circumstances, type Decision, refused } from './command.ts'

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

export const AccountName = Type.String({ minLength: 1, maxLength: 200 })

export const Limit = (description: string) =>
  Type.Optional(Type.Union([SignedAmount, Type.Null()], { description }))

export const Enforce = Type.Optional(
  Type.Union([Type.Literal('now'), Type.Literal('future')], {
    description:
      'What becomes of a limit that today’s balance breaks: `now`, if left out, refuses it; ' +
      '`future` takes it, and refuses what would move the balance further beyond',
  }),
)
type Enforce = Static<typeof Enforce>

/** Which account a command means, and which of its versions. */
export const AccountTarget = Type.Object({
  /** Id or code. */
  account: Type.String(),
  /** Revisions that may have defined it last; null: any. */
  versions: Type.Union([Type.Array(Type.Integer()), Type.Null()]),
})
export type AccountTarget = Static<typeof AccountTarget>

type Limits = { min_balance?: string | null | undefined; max_balance?: string | null | undefined }

/** A code that could be taken for an id. `at` is where the account stands in the request. */
export const checkCodeForm = (code: string, at: string): Rejection | null => {
  if (!uuid.test(code)) return null
  const reason = 'A code must not look like an id. Choose one that is no UUID.'
  return reject('invalid_request', reason, [{ path: `${at}/code`, reason }])
}

export const codeTaken = (code: string, at: string): Rejection => {
  const reason = `The code ${code} is taken. Choose another or use that account.`
  return reject('account_code_taken', reason, [{ path: `${at}/code`, reason }])
}

/** What is wrong with limits whatever the account's balance is. */
export const checkLimitForms = (limits: Limits, at: string): Rejection | null => {
  const { min_balance: min, max_balance: max } = limits
  for (const [path, limit] of Object.entries({ min_balance: min, max_balance: max })) {
    if (limit == null || isInRange(BigInt(limit))) continue
    const reason = 'A limit has at most 38 digits.'
    return reject('amount_out_of_range', reason, [{ path: `${at}/${path}`, reason }])
  }
  if (min == null || max == null || BigInt(min) <= BigInt(max)) return null
  const reason = `The minimum ${min} is above the maximum ${max}.`
  return reject('invalid_request', reason, [{ path: `${at}/min_balance`, reason }])
}

/** The event that defines the account as it is must be at hand, for its name and metadata. */
export const mentionsOf = ({ account: reference }: AccountTarget, book: Book): Mention[] => {
  const account = findAccount(book, reference)
  return account ? [{ kind: 'definition', key: account.id }] : []
}

/** The account's definition as this event made it. */
const definitionIn = (event: Recorded | undefined, id: string): DefinedAccount => {
  if (event?.type === 'AccountsOpened') {
    const opened = event.data.accounts.find((account) => account.id === id)
    if (opened) return { ...opened, status: 'open' }
  } else if (event && isAccountDefined(event) && event.data.account.id === id) {
    return event.data.account
  }
  throw new Error(`event ${event?.revision} does not define account ${id}`)
}

/** Decides a change of an account that is there, not closed, and of the version that was meant. */
export const redefine = (
  { account: reference, versions }: AccountTarget,
  book: Book,
  { eventOf }: Circumstances,
  change: (definition: DefinedAccount, account: Account) => AccountDefined | Rejection,
): Decision => {
  const account = findAccount(book, reference)
  if (!account) {
    const reason = `There is no account ${reference} in this book.`
    return refused(reject('account_not_found', reason))
  }
  const { id, code, status, definedAt } = account
  if (status === 'closed') {
    const reason = `Account ${id} (${code}) is closed and cannot be changed any more.`
    return refused(reject('account_closed', reason))
  }
  if (versions && !versions.includes(definedAt)) {
    const reason = `Account ${code} was defined last at revision ${definedAt}. Read it again.`
    return refused(reject('version_mismatch', reason, [{ account: id, version: definedAt }]))
  }
  const definition = definitionIn(eventOf({ kind: 'definition', key: id }), id)
  const changed = change(definition, account)
  return 'code' in changed ? refused(changed) : accepted(changed)
}

/** What the book has against a definition in place of the account's present one. */
export const checkDefinition = (
  next: DefinedAccount,
  account: Account,
  enforce: Enforce | undefined,
  book: Book,
  now: number,
): Rejection | null => {
  const { code, min_balance, max_balance } = next
  if (code !== account.code && findAccount(book, code)) return codeTaken(code, '')
  if (enforce === 'future') return null
  const min = min_balance === null ? null : BigInt(min_balance)
  const max = max_balance === null ? null : BigInt(max_balance)
  return checkMinimum(account, min, now) ?? checkMaximum(account, max)
}

const hint = 'Send enforce=future to bind later changes only.'

const checkMinimum = (account: Account, min: bigint | null, now: number): Rejection | null => {
  const { id, code, currency, minBalance } = account
  const isTightened = min !== null && (minBalance === null || min > minBalance)
  const left = available(account, now)
  if (!isTightened || left >= min) return null
  const reason = `${code} has ${left} ${currency} available, below the minimum ${min}. ${hint}`
  const facts = { available: String(left), min_balance: String(min) }
  return reject('balance_too_low', reason, [{ account: id, code, ...facts }])
}

const checkMaximum = (account: Account, max: bigint | null): Rejection | null => {
  const { id, code, currency, maxBalance } = account
  const isTightened = max !== null && (maxBalance === null || max < maxBalance)
  const most = ceiling(account)
  if (!isTightened || most <= max) return null
  const reason = `${code} has a balance of ${most} ${currency}, above the maximum ${max}. ${hint}`
  const facts = { balance: String(most), max_balance: String(max) }
  return reject('balance_too_high', reason, [{ account: id, code, ...facts }])
}
