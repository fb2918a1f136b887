import { type Account, available, ceiling, post, reserve, signed } from './account.ts'
import { isInRange } from './amount.ts'
import { type Book, findAccount, lastMeant } from './book.ts'
import type { EntryRequest, TransferRequest } from './entry.ts'
import type { RecordedEntry, RecordedTransaction } from './events/transactions-recorded.ts'
import { type Change, checkGuards } from './guard.ts'
import { instantOf, toInstant } from './instant.ts'
import { type OnClosedPeriod, placeInOpen } from './period.ts'
import { type Rejection, reject } from './rejection.ts'

export type TransactionContent = {
  status?: 'posted' | 'pending'
  expires_at?: string
  reference?: string
  effective_at?: string
  on_closed_period?: OnClosedPeriod
  description?: string
  metadata?: Readonly<Record<string, string>>
  entries?: readonly EntryRequest[]
  transfers?: readonly TransferRequest[]
}

/** Entries as given, then a credit and a debit for each transfer. */
const expand = ({ entries = [], transfers = [] }: TransactionContent): EntryRequest[] => [
  ...entries,
  ...transfers.flatMap(({ from, to, ...rest }): EntryRequest[] => [
    { account: from, direction: 'credit', ...rest },
    { account: to, direction: 'debit', ...rest },
  ]),
]

/** Where the request says that of a line of `expand`. */
const pathTo = (
  { entries = [] }: TransactionContent,
  line: number,
  field: 'account' | 'amount' | 'currency',
): string => {
  const past = line - entries.length
  if (past < 0) return `/entries/${line}/${field}`
  const side = past % 2 === 0 ? 'from' : 'to'
  return `/transfers/${Math.floor(past / 2)}/${field === 'account' ? side : field}`
}

export type CheckedTransaction = {
  readonly entries: readonly RecordedEntry[]
  /** An instant. */
  readonly effectiveAt: string
  /** The instant that was asked for, where that lies in a closed period. */
  readonly requestedAt: string | null
  /** The accounts as it would leave them. */
  readonly accounts: readonly Account[]
}

/**
 * A transaction that the book can take now, or why it cannot. First the request, then the book. One
 * that is forced may go beyond the limits of its accounts.
 */
export const checkTransaction = (
  request: TransactionContent,
  book: Book,
  now: number,
  isForced = false,
): CheckedTransaction | Rejection => {
  const lines = expand(request)
  const malformed = checkAmounts(request, lines) ?? checkHold(request, lines.length, now)
  if (malformed) return malformed
  const entries: RecordedEntry[] = []
  /** That of each entry, before the transaction. */
  const accounts: Account[] = []
  for (const [line, { account: reference, direction, amount, currency }] of lines.entries()) {
    const account = findAccount(book, reference)
    const problem = checkAccount(account, reference, currency, (field) =>
      pathTo(request, line, field),
    )
    if (problem) return problem
    const found = account as Account
    accounts.push(found)
    entries.push({ account: found.id, amount, currency: found.currency, direction })
  }
  const unbalanced = checkBalanced(entries)
  if (unbalanced) return unbalanced
  const asked = request.effective_at
    ? instantOf(request.effective_at, book.header?.timeZone ?? 'UTC')
    : now
  const placed = placeInOpen(asked, request.on_closed_period ?? 'refuse', book)
  if ('code' in placed) return placed
  const { effectiveAt, requestedAt } = placed
  const changes = changesBy(entries, accounts, request.status === 'pending', effectiveAt, now)
  return (
    (changes.size < 2 ? reject('same_account') : null) ??
    checkGuards(lines, entries, changes, now) ??
    checkLimits(changes, isForced, now) ?? {
      entries,
      effectiveAt: toInstant(effectiveAt),
      requestedAt: requestedAt === null ? null : toInstant(requestedAt),
      accounts: Array.from(changes.values(), ({ after }) => after),
    }
  )
}

const checkAmounts = (
  request: TransactionContent,
  lines: readonly EntryRequest[],
): Rejection | null => {
  if (lines.length < 2) {
    return reject(
      'too_few_entries',
      `A transaction has at least two entries; this has ${lines.length}.`,
    )
  }
  for (const [line, { amount }] of lines.entries()) {
    if (amount === '0' || amount.length > 38) {
      return checkAmount(amount, pathTo(request, line, 'amount'))
    }
  }
  return null
}

export const checkAmount = (amount: string, path: string): Rejection | null => {
  if (amount !== '0' && amount.length <= 38) return null
  const reason = amount === '0' ? 'An amount is above zero.' : 'An amount has at most 38 digits.'
  return reject('amount_out_of_range', reason, [{ path, reason }])
}

/** What a posting of it will say must fit into an event too. */
const maxHeldEntries = 1000

const checkHold = (
  { status, expires_at }: TransactionContent,
  lines: number,
  now: number,
): Rejection | null => {
  if (status === 'pending' && lines > maxHeldEntries) {
    const reason = `A pending transaction has at most ${maxHeldEntries} entries; this has ${lines}.`
    return reject('invalid_request', reason, [{ path: '/entries', reason }])
  }
  if (expires_at === undefined) return null
  const at = (reason: string) =>
    reject('invalid_request', reason, [{ path: '/expires_at', reason }])
  if (status !== 'pending') return at('Only a pending transaction expires. Leave expires_at out.')
  if (Date.parse(expires_at) > now) return null
  return at(`expires_at lies in the past; it is ${toInstant(now)} now.`)
}

const checkAccount = (
  account: Account | undefined,
  reference: string,
  currency: string | undefined,
  pathOf: (field: 'account' | 'currency') => string,
): Rejection | null => {
  if (!account) {
    const reason = `There is no account ${reference} in this book. Open it first.`
    return reject('account_not_found', reason, [{ path: pathOf('account'), reason }])
  }
  const shut = checkOpen(account)
  if (shut) return { ...shut, details: [{ path: pathOf('account'), reason: shut.message }] }
  if (currency !== undefined && currency !== account.currency) {
    const reason = `Account ${account.code} is in ${account.currency}, not in ${currency}.`
    return reject('currency_mismatch', reason, [{ path: pathOf('currency'), reason }])
  }
  return null
}

/** Whether the account takes entries. */
export const checkOpen = ({ status, code, id }: Account): Rejection | null => {
  switch (status) {
    case 'open':
      return null
    case 'frozen':
      return reject('account_frozen', `Account ${code} is frozen. Unfreeze it first.`)
    case 'closed':
      return reject('account_closed', `Account ${id} (${code}) is closed. Use another.`)
  }
}

export const checkBalanced = (entries: readonly RecordedEntry[]): Rejection | null => {
  const sums = new Map<string, bigint>()
  for (const { currency, direction, amount } of entries) {
    const change = direction === 'debit' ? BigInt(amount) : -BigInt(amount)
    sums.set(currency, (sums.get(currency) ?? 0n) + change)
  }
  for (const [currency, sum] of sums) {
    if (sum === 0n) continue
    const [more, less] = sum > 0n ? ['Debits', 'credits'] : ['Credits', 'debits']
    const difference = String(sum > 0n ? sum : -sum)
    const reason = `${more} exceed ${less} by ${difference} ${currency}; they must be equal.`
    return reject('unbalanced', reason, [{ currency, difference, reason }])
  }
  return null
}

/** The accounts before the transaction, and as the whole of it would leave them. */
const changesBy = (
  entries: readonly RecordedEntry[],
  accounts: readonly Account[],
  isPending: boolean,
  effectiveAt: number,
  now: number,
): ReadonlyMap<string, Change> => {
  const changes = new Map<string, { readonly before: Account; after: Account }>()
  for (const [line, { account: id, direction, amount }] of entries.entries()) {
    let one = changes.get(id)
    if (!one) {
      const before = accounts[line] as Account
      changes.set(id, (one = { before, after: before }))
    }
    const change = signed(one.before.type, direction, BigInt(amount))
    one.after = isPending ? reserve(one.after, change) : post(one.after, change, effectiveAt, now)
  }
  return changes
}

const checkLimits = (
  changes: ReadonlyMap<string, Change>,
  isForced: boolean,
  now: number,
): Rejection | null => {
  for (const { before, after } of changes.values()) {
    const problem = checkRange(after) ?? (isForced ? null : checkLimit(before, after, now))
    if (problem) return problem
  }
  return null
}

const checkRange = (account: Account): Rejection | null => {
  const { id, code, posted, pendingDecrease } = account
  if (isInRange(ceiling(account)) && isInRange(posted - pendingDecrease)) return null
  const reason = `The balance of ${code} would need more than 38 digits.`
  return reject('balance_out_of_range', reason, [{ account: id, code, reason }])
}

/** A change that moves a balance towards its limits is never refused for being beyond them. */
const checkLimit = (before: Account, after: Account, now: number): Rejection | null => {
  const { id, code, currency, minBalance, maxBalance } = after
  const left = available(after, now)
  if (minBalance !== null && left < minBalance && left < available(before, now)) {
    const reason = `${code} would fall to ${left} ${currency}; its minimum is ${minBalance}.`
    const facts = { available: String(left), min_balance: String(minBalance) }
    return reject('balance_too_low', reason, [{ account: id, code, ...facts }])
  }
  const most = ceiling(after)
  if (maxBalance !== null && most > maxBalance && most > ceiling(before)) {
    const reason = `${code} would rise to ${most} ${currency}; its maximum is ${maxBalance}.`
    const facts = { balance: String(most), max_balance: String(maxBalance) }
    return reject('balance_too_high', reason, [{ account: id, code, ...facts }])
  }
  return null
}

/** Whether the request, sent under the id of a recorded transaction, says the same again. */
export const hasSameContent = (
  recorded: RecordedTransaction,
  request: TransactionContent,
  book: Book,
): boolean => {
  const { effective_at, description = null, metadata = {}, status = 'posted' } = request
  const lines = expand(request)
  const timeZone = book.header?.timeZone ?? 'UTC'
  const askedFor = recorded.requested_effective_at ?? recorded.effective_at
  return (
    recorded.status === status &&
    recorded.reverses === undefined &&
    recorded.reference === request.reference &&
    hasSameExpiry(recorded, request) &&
    recorded.description === description &&
    (effective_at === undefined || toInstant(instantOf(effective_at, timeZone)) === askedFor) &&
    Object.keys(metadata).length === Object.keys(recorded.metadata).length &&
    Object.entries(metadata).every(([key, value]) => recorded.metadata[key] === value) &&
    lines.length === recorded.entries.length &&
    recorded.entries.every((entry, line) => {
      const { account, direction, amount, currency } = lines[line] as EntryRequest
      return (
        lastMeant(book, account) === entry.account &&
        direction === entry.direction &&
        amount === entry.amount &&
        (currency === undefined || currency === entry.currency)
      )
    })
  )
}

const hasSameExpiry = (recorded: RecordedTransaction, request: TransactionContent): boolean =>
  recorded.expires_at === (request.expires_at && toInstant(Date.parse(request.expires_at)))
