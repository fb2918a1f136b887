import type { Stored } from './log-reader.ts'
import type { Line, Opening, Posting } from './plans.ts'

// A ledger of the harness's own, folded from the log. It shares no line with Daybook's, on purpose.

export type Account = {
  readonly id: string
  readonly code: string
  readonly type: string
  readonly currency: string
  readonly min: bigint | null
  readonly max: bigint | null
  /** All that the event said of it. */
  readonly opened: Readonly<Record<string, unknown>>
  readonly createdAt: string
  posted: bigint
  entryCount: number
  revision: number
  updatedAt: string
  inOrderUntil: string | null
  inOrderBalance: bigint
  maturingUntil: string | null
  /** Increases that were dated in the future when they were recorded. */
  readonly maturing: { readonly at: string; readonly amount: bigint }[]
  /** Posted balance and number of entries after each revision that changed it. */
  readonly history: { revision: number; posted: bigint; entryCount: number; updatedAt: string }[]
}

export type Entry = {
  readonly transactionId: string
  readonly line: number
  readonly account: Account
  readonly revision: number
  readonly effectiveAt: string
  readonly direction: string
  readonly amount: bigint
  readonly currency: string
  readonly inOrderBalance: bigint | null
  readonly createdAt: string
}

export type Transaction = {
  readonly id: string
  readonly revision: number
  readonly index: number
  readonly effectiveAt: string
  readonly description: string | null
  readonly metadata: Readonly<Record<string, string>>
  readonly createdAt: string
  readonly entries: readonly Entry[]
}

type Counts = { accounts: number; transactions: number; entries: number }

export type Ledger = {
  readonly id: string
  header: Stored | null
  revision: number
  updatedAt: string
  readonly accounts: Map<string, Account>
  readonly codes: Map<string, Account>
  readonly transactions: Map<string, Transaction>
  readonly entries: Entry[]
  readonly counts: Counts
  /** The counts after each revision, in order. */
  readonly countsAt: Counts[]
  readonly broken: string[]
}

export const emptyLedger = (id: string): Ledger => ({
  id,
  header: null,
  revision: -1,
  updatedAt: '',
  accounts: new Map(),
  codes: new Map(),
  transactions: new Map(),
  entries: [],
  counts: { accounts: 0, transactions: 0, entries: 0 },
  countsAt: [],
  broken: [],
})

export const isDebitNormal = (type: string): boolean => type === 'asset' || type === 'expense'

export const changeOf = (account: Account, { direction, amount }: Line): bigint =>
  isDebitNormal(account.type) === (direction === 'debit') ? BigInt(amount) : -BigInt(amount)

const availableOf = ({ posted, maturing }: Account, at: string): bigint =>
  maturing.reduce((sum, one) => (one.at > at ? sum - one.amount : sum), posted)

type RecordedTransaction = Posting & {
  readonly id: string
  readonly index: number
  readonly effective_at: string
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
  ledger.updatedAt = type === 'CommandRefused' ? ledger.updatedAt : metadata.recorded_at
  if (type === 'BookOpened') ledger.header = event
  else if (type === 'AccountsOpened') openAccounts(ledger, event, at)
  else if (type === 'TransactionsRecorded') record(ledger, event, at)
  else if (type !== 'CommandRefused') ledger.broken.push(`${at} is a ${type}, unknown here`)
  ledger.countsAt.push({ ...ledger.counts })
}

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
      opened,
      createdAt: metadata.recorded_at,
      posted: 0n,
      entryCount: 0,
      revision,
      updatedAt: metadata.recorded_at,
      inOrderUntil: null,
      inOrderBalance: 0n,
      maturingUntil: null,
      maturing: [],
      history: [{ revision, posted: 0n, entryCount: 0, updatedAt: metadata.recorded_at }],
    }
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
    checkSums(ledger, transaction, at)
    const before = new Map<Account, { available: bigint; posted: bigint }>()
    const lines: Entry[] = []
    for (const entry of entries) {
      const account = ledger.accounts.get(entry.account)
      if (!account) {
        ledger.broken.push(`${at} names the account ${entry.account}, which is not there`)
        continue
      }
      const { posted } = account
      if (!before.has(account)) {
        before.set(account, { available: availableOf(account, recordedAt), posted })
      }
      lines.push(post(account, entry, line++, { id, effectiveAt, recordedAt, revision }))
    }
    ledger.transactions.set(id, {
      id,
      revision,
      index,
      effectiveAt,
      description,
      metadata: transaction.metadata,
      createdAt: recordedAt,
      entries: lines,
    })
    ledger.entries.push(...lines)
    ledger.counts.transactions++
    ledger.counts.entries += lines.length
    checkLimits(ledger, before, recordedAt, `${at}, transaction ${id},`)
  }
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
  account.revision = revision
  account.updatedAt = recordedAt
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
  const { posted, entryCount } = account
  const last = account.history.at(-1)
  const state = { revision, posted, entryCount, updatedAt: recordedAt }
  if (last?.revision === revision) account.history[account.history.length - 1] = state
  else account.history.push(state)
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
  before: ReadonlyMap<Account, { available: bigint; posted: bigint }>,
  now: string,
  at: string,
): void => {
  for (const [account, was] of before) {
    const { code, min, max, posted } = account
    const available = availableOf(account, now)
    if (min !== null && available < min && available < was.available) {
      ledger.broken.push(`${at} takes ${code} to ${available}, below its minimum ${min}`)
    }
    if (max !== null && posted > max && posted > was.posted) {
      ledger.broken.push(`${at} takes ${code} to ${posted}, above its maximum ${max}`)
    }
  }
}
