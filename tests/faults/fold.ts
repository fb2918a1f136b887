import { closePeriod, define, openFrom, reopenPeriod } from './fold-changes.ts'
import { noteLookups, noteMembers } from './fold-lookups.ts'
import {
  type Account,
  changeOf,
  type Entry,
  type HeldLine,
  type Ledger,
  noteState,
  type Transaction,
} from './ledger.ts'
import type { Stored } from './log-reader.ts'
import type { Line, Opening, Posting } from './plans.ts'

// A ledger of the harness's own, folded from the log. It shares no line with Daybook's, on purpose.

const availableOf = ({ posted, pendingDecrease, maturing }: Account, at: string): bigint =>
  maturing.reduce((sum, one) => (one.at > at ? sum - one.amount : sum), posted - pendingDecrease)

const isLimited = ({ min, max }: Account): boolean => min !== null || max !== null

const mostOf = ({ posted, pendingIncrease }: Account): bigint => posted + pendingIncrease

type RecordedTransaction = Posting & {
  readonly id: string
  readonly index: number
  readonly effective_at: string
  readonly requested_effective_at?: string
  readonly reverses?: string
  readonly reference?: string
}

export const transactionsOf = ({ data }: Stored): readonly RecordedTransaction[] =>
  (data['transactions'] as readonly RecordedTransaction[] | undefined) ?? []

/** The ledger after one more event. What must never be is noted in `broken`. */
export const apply = (ledger: Ledger, event: Stored): void => {
  const { type, revision, metadata } = event
  const at = `revision ${revision} of book ${ledger.id}`
  if (revision !== ledger.revision + 1) {
    ledger.broken.push(`${at} follows ${ledger.revision}: there is a gap`)
  }
  ledger.revision = revision
  const isOnlySaid = silent.has(type)
  ledger.updatedAt = isOnlySaid ? ledger.updatedAt : metadata.recorded_at
  if (type === 'BookOpened') ledger.header = event
  else if (type === 'AccountsOpened') openAccounts(ledger, event, at)
  else if (type === 'TransactionsRecorded') record(ledger, event, at)
  else if (type === 'HoldPosted') settle(ledger, event, at, null)
  else if (type === 'HoldVoided') settle(ledger, event, at, 'voided')
  else if (type === 'HoldExpired') settle(ledger, event, at, 'expired')
  else if (type === 'BatchApplied') checkBatch(ledger, event, at)
  else if (type === 'PeriodClosed') closePeriod(ledger, event, at)
  else if (type === 'PeriodReopened') reopenPeriod(ledger, event, at)
  else if (definitions.has(type)) define(ledger, event, at)
  else if (type === 'TransactionMetadataChanged') changeMetadata(ledger, event, at)
  else if (!silent.has(type)) ledger.broken.push(`${at} is a ${type}, unknown here`)
  if (type === 'BookOpened' || memberships.has(type)) noteMembers(ledger, event, at)
  noteLookups(ledger, event)
  ledger.countsAt.push({ ...ledger.counts })
}

/** Neither of these is said to change the book. */
const memberships = new Set(['MemberSet', 'MemberRemoved'])
const silent = new Set(['CommandRefused', 'BatchApplied', ...memberships])

const changeMetadata = (ledger: Ledger, { data, metadata }: Stored, at: string): void => {
  const transaction = ledger.transactions.get(data['transaction'] as string)
  if (!transaction) return void ledger.broken.push(`${at} is of a transaction that is not there`)
  transaction.metadata = data['metadata'] as Readonly<Record<string, string>>
  transaction.updatedAt = metadata.recorded_at
}

type AppliedItem = { status: string; id: string; revision: number }

/** What a batch says that it recorded is there, where it says so. */
const checkBatch = (ledger: Ledger, { data }: Stored, at: string): void => {
  for (const { status, id, revision } of data['items'] as readonly AppliedItem[]) {
    if (status !== 'recorded' && status !== 'reversed') continue
    if (ledger.transactions.get(id)?.revision === revision) continue
    ledger.broken.push(`${at} says of ${id} that it stands at ${revision}, which is not so`)
  }
}

const definitions = new Set(['AccountUpdated', 'AccountFrozen', 'AccountUnfrozen', 'AccountClosed'])

const openAccounts = (ledger: Ledger, { data, revision, metadata }: Stored, at: string): void => {
  for (const opened of data['accounts'] as (Opening & { id: string })[]) {
    if (ledger.codes.has(opened.code)) {
      ledger.broken.push(`${at} opens ${opened.code} a second time`)
    }
    const account: Account = {
      id: opened.id,
      code: opened.code,
      type: opened.type,
      currency: opened.currency,
      min: opened.min_balance == null ? null : BigInt(opened.min_balance),
      max: opened.max_balance == null ? null : BigInt(opened.max_balance),
      status: 'open',
      definition: { ...opened, status: 'open' },
      definitionRevision: revision,
      createdAt: metadata.recorded_at,
      closedAt: null,
      posted: 0n,
      pendingIncrease: 0n,
      pendingDecrease: 0n,
      entryCount: 0,
      revision,
      updatedAt: metadata.recorded_at,
      inOrderUntil: null,
      inOrderBalance: 0n,
      maturingUntil: null,
      maturing: [],
      history: [],
    }
    noteState(account, revision)
    ledger.accounts.set(account.id, account)
    ledger.codes.set(account.code, account)
    ledger.counts.accounts++
  }
}

const record = (ledger: Ledger, event: Stored, at: string): void => {
  const { revision, metadata } = event
  const recordedAt = metadata.recorded_at
  let line = 0
  for (const [index, transaction] of transactionsOf(event).entries()) {
    const { id, effective_at: effectiveAt, entries, description = null } = transaction
    if (ledger.transactions.has(id)) ledger.broken.push(`${at} records transaction ${id} again`)
    const requestedAt = transaction.requested_effective_at ?? null
    checkOpenDay(ledger, effectiveAt, requestedAt, at)
    checkSums(ledger, transaction, at)
    const before = new Map<Account, { available: bigint; most: bigint }>()
    const lines: Entry[] = []
    const heldLines: HeldLine[] = []
    for (const entry of entries) {
      const account = ledger.accounts.get(entry.account)
      if (!account) {
        ledger.broken.push(`${at} names the account ${entry.account}, which is not there`)
        continue
      }
      checkTaking(ledger, account, at)
      if (isLimited(account) && !before.has(account)) {
        const most = mostOf(account)
        before.set(account, { available: availableOf(account, recordedAt), most })
      }
      if (transaction.status === 'pending') {
        heldLines.push(hold(account, entry, { recordedAt, revision }))
        line++
      } else {
        lines.push(post(account, entry, line++, { id, effectiveAt, recordedAt, revision }))
      }
    }
    const { expires_at: expiresAt = null, reverses = null } = transaction
    const open = { status: 'pending', settledRevision: null, settledAt: null }
    const recorded: Transaction = {
      id,
      revision,
      index,
      effectiveAt,
      requestedAt,
      description,
      reference: transaction.reference ?? null,
      metadata: transaction.metadata,
      createdAt: recordedAt,
      updatedAt: recordedAt,
      held: transaction.status === 'pending' ? { ...open, expiresAt, lines: heldLines } : null,
      reverses,
      entries: lines,
    }
    ledger.transactions.set(id, recorded)
    if (reverses !== null) noteReversal(ledger, recorded, reverses, at)
    keep(ledger, lines)
    ledger.counts.transactions++
    checkLimits(ledger, before, recordedAt, `${at}, transaction ${id},`)
  }
}

const noteReversal = (
  ledger: Ledger,
  reversal: Transaction,
  original: string,
  at: string,
): void => {
  if (ledger.reversals.has(original)) ledger.broken.push(`${at} reverses ${original} again`)
  ledger.reversals.set(original, reversal)
}

type When = { readonly recordedAt: string; readonly revision: number }

const hold = (account: Account, entry: Line, when: When): HeldLine => {
  const change = changeOf(account, entry)
  if (change > 0n) account.pendingIncrease += change
  else account.pendingDecrease -= change
  touch(account, when)
  const amount = BigInt(entry.amount)
  return { account, direction: entry.direction, amount, posted: 0n, remaining: amount }
}

/** A line of a hold of which so much is held no more. */
const letGo = ({ account, direction }: HeldLine, amount: bigint, when: When): void => {
  if (amount === 0n) return
  const change = changeOf(account, { account: account.id, direction, amount: String(amount) })
  if (change > 0n) account.pendingIncrease -= change
  else account.pendingDecrease += change
  touch(account, when)
}

type SettledLine = Line & { readonly remaining?: string; readonly currency: string }

/** A hold is posted, in part or as a whole, or else ended. */
const settle = (
  ledger: Ledger,
  { data, revision, metadata }: Stored,
  at: string,
  ending: 'voided' | 'expired' | null,
): void => {
  const recordedAt = metadata.recorded_at
  const transaction = ledger.transactions.get(data['transaction'] as string)
  const held = transaction?.held
  if (!transaction || !held || held.status !== 'pending') {
    ledger.broken.push(`${at} settles ${String(data['transaction'])}, which is no open hold`)
    return
  }
  if (ending === null && held.expiresAt !== null && recordedAt >= held.expiresAt) {
    ledger.broken.push(`${at} posts a hold that was over at ${held.expiresAt}`)
  }
  if (ending === 'expired' && (held.expiresAt === null || recordedAt < held.expiresAt)) {
    ledger.broken.push(`${at} lets a hold expire before its time`)
  }
  const lines = data['entries'] as readonly SettledLine[]
  for (const [place, line] of held.lines.entries()) {
    const { amount, remaining = '0' } = lines[place] as SettledLine
    if (BigInt(amount) + BigInt(remaining) > line.remaining) {
      ledger.broken.push(`${at} takes more of a hold than is left of it`)
    }
    letGo(line, line.remaining - BigInt(remaining), { recordedAt, revision })
    line.remaining = BigInt(remaining)
    if (ending === null) line.posted += BigInt(amount)
  }
  if (ending === null) {
    const effectiveAt = data['effective_at'] as string
    const requestedAt = (data['requested_effective_at'] as string | undefined) ?? null
    checkOpenDay(ledger, effectiveAt, requestedAt, at)
    const place = { id: transaction.id, effectiveAt, recordedAt, revision }
    const posted = held.lines.flatMap(({ account }, line) => {
      const entry = lines[line] as SettledLine
      if (entry.amount === '0') return []
      checkTaking(ledger, account, at)
      return [post(account, entry, line, place)]
    })
    transaction.effectiveAt = effectiveAt
    transaction.requestedAt = requestedAt
    keep(ledger, posted)
  }
  transaction.updatedAt = recordedAt
  if (ending === null && held.lines.some(({ remaining }) => remaining > 0n)) return
  held.status = ending ?? 'posted'
  held.settledRevision = revision
  held.settledAt = recordedAt
}

const keep = (ledger: Ledger, entries: readonly Entry[]): void => {
  ledger.entries.push(...entries)
  ledger.counts.entries += entries.length
  for (const { account, direction, amount, effectiveAt } of entries) {
    const day = effectiveAt.slice(0, 10)
    const debits = ledger.debitsOn.get(day) ?? new Map<Account, bigint>()
    ledger.debitsOn.set(day, debits)
    debits.set(account, (debits.get(account) ?? 0n) + (direction === 'debit' ? amount : -amount))
  }
}

/** Notes what the account is after a change. */
const touch = (account: Account, { recordedAt, revision }: When): void => {
  account.revision = revision
  account.updatedAt = recordedAt
  noteState(account, revision)
}

const post = (
  account: Account,
  entry: Line & { currency?: string },
  line: number,
  {
    id,
    effectiveAt,
    recordedAt,
    revision,
  }: { id: string; effectiveAt: string; recordedAt: string; revision: number },
): Entry => {
  const change = changeOf(account, entry)
  const isInOrder =
    effectiveAt <= recordedAt &&
    (account.inOrderUntil === null || effectiveAt >= account.inOrderUntil)
  account.posted += change
  account.entryCount++
  touch(account, { recordedAt, revision })
  if (isInOrder) {
    account.inOrderUntil = effectiveAt
    account.inOrderBalance += change
  }
  if (change > 0n && effectiveAt > recordedAt) {
    account.maturing.push({ at: effectiveAt, amount: change })
    if (account.maturingUntil === null || effectiveAt > account.maturingUntil) {
      account.maturingUntil = effectiveAt
    }
  }
  return {
    transactionId: id,
    line,
    account,
    revision,
    effectiveAt,
    direction: entry.direction,
    amount: BigInt(entry.amount),
    currency: account.currency,
    inOrderBalance: isInOrder ? account.inOrderBalance : null,
    createdAt: recordedAt,
  }
}

/** Only an open account takes entries. */
const checkTaking = ({ broken }: Ledger, { code, status }: Account, at: string): void => {
  if (status !== 'open') broken.push(`${at} has an entry of ${code}, which is ${status}`)
}

/** Nothing is recorded as of a closed day; what was asked for it counts from the first open one. */
const checkOpenDay = (
  ledger: Ledger,
  effectiveAt: string,
  requestedAt: string | null,
  at: string,
): void => {
  const from = openFrom(ledger)
  if (from !== null && effectiveAt < from) {
    ledger.broken.push(`${at} is dated ${effectiveAt}, and the book is open from ${from} on`)
  }
  if (requestedAt !== null && (from === null || requestedAt >= from || effectiveAt !== from)) {
    ledger.broken.push(`${at} moves ${requestedAt} to ${effectiveAt}, where ${from} opens the book`)
  }
}

const checkSums = (ledger: Ledger, { id, entries }: RecordedTransaction, at: string): void => {
  const sums = new Map<string, bigint>()
  for (const { account, direction, amount } of entries) {
    const currency = ledger.accounts.get(account)?.currency ?? '?'
    const signed = direction === 'debit' ? BigInt(amount) : -BigInt(amount)
    sums.set(currency, (sums.get(currency) ?? 0n) + signed)
  }
  for (const [currency, sum] of sums) {
    if (sum === 0n) continue
    ledger.broken.push(`${at}: transaction ${id} is out of balance by ${sum} ${currency}`)
  }
}

/** A limit is broken by who moves further past it, never by who comes back. */
const checkLimits = (
  ledger: Ledger,
  before: ReadonlyMap<Account, { available: bigint; most: bigint }>,
  now: string,
  at: string,
): void => {
  for (const [account, was] of before) {
    const { code, min, max } = account
    const most = mostOf(account)
    const available = availableOf(account, now)
    if (min !== null && available < min && available < was.available) {
      ledger.broken.push(`${at} takes ${code} to ${available}, below its minimum ${min}`)
    }
    if (max !== null && most > max && most > was.most) {
      ledger.broken.push(`${at} takes ${code} to ${most}, above its maximum ${max}`)
    }
  }
}
