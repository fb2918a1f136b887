import type { Stored } from './log-reader.ts'
import type { Line } from './plans.ts'

// What the harness's own ledger is made of.

export type Account = {
  readonly id: string
  code: string
  readonly type: string
  readonly currency: string
  min: bigint | null
  max: bigint | null
  status: string
  /** All that the last event said of it that defined it. */
  definition: Readonly<Record<string, unknown>>
  definitionRevision: number
  readonly createdAt: string
  closedAt: string | null
  posted: bigint
  /** What open holds would add and take. */
  pendingIncrease: bigint
  pendingDecrease: bigint
  entryCount: number
  revision: number
  updatedAt: string
  inOrderUntil: string | null
  inOrderBalance: bigint
  maturingUntil: string | null
  /** Increases that were dated in the future when they were recorded. */
  readonly maturing: { readonly at: string; readonly amount: bigint }[]
  /** What it was after each event that changed it, by the event's revision. */
  readonly history: ({ readonly at: number } & AccountState)[]
}

export type AccountState = Pick<
  Account,
  'code' | 'status' | 'definitionRevision' | 'posted' | 'entryCount' | 'revision' | 'updatedAt'
>

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

export type HeldLine = {
  readonly account: Account
  readonly direction: 'debit' | 'credit'
  readonly amount: bigint
  posted: bigint
  remaining: bigint
}

/** What became of a pending transaction. */
export type Held = {
  readonly lines: readonly HeldLine[]
  readonly expiresAt: string | null
  status: string
  settledRevision: number | null
  settledAt: string | null
}

export type Transaction = {
  readonly id: string
  readonly revision: number
  readonly index: number
  effectiveAt: string
  /** What was asked for, where it lay in a closed period. */
  requestedAt: string | null
  readonly held: Held | null
  readonly reverses: string | null
  updatedAt: string
  readonly description: string | null
  readonly reference: string | null
  metadata: Readonly<Record<string, string>>
  readonly createdAt: string
  readonly entries: readonly Entry[]
}

/** Who has a role in the book, or had one. */
export type Member = {
  readonly id: string
  readonly user: string
  readonly role: string
  readonly createdAt: string
  readonly updatedAt: string
  readonly deletedAt: string | null
}

type Counts = { accounts: number; transactions: number; entries: number }

/** A closing, and whether it was taken back. */
export type Period = {
  readonly id: string
  readonly from: string | null
  readonly through: string
  /** The first instant after it. */
  readonly end: string
  readonly shownRevision: number
  readonly hash: string
  readonly closedBy: string
  readonly revision: number
  readonly createdAt: string
  reopenedBy: string | null
  reopenedAt: string | null
}

export type Ledger = {
  readonly id: string
  header: Stored | null
  revision: number
  updatedAt: string
  readonly accounts: Map<string, Account>
  readonly codes: Map<string, Account>
  readonly transactions: Map<string, Transaction>
  /** Reversals by what they reverse. */
  readonly reversals: Map<string, Transaction>
  readonly periods: Period[]
  /** Those of them that were not taken back, the earliest first. */
  readonly closed: Period[]
  /** By user. */
  readonly members: Map<string, Member>
  /** Revisions, by the id of what leads there. */
  readonly lookups: Map<string, number>
  readonly entries: Entry[]
  /** What was debited less what was credited, by the day it counts from and the account. */
  readonly debitsOn: Map<string, Map<Account, bigint>>
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
  reversals: new Map(),
  periods: [],
  closed: [],
  members: new Map(),
  lookups: new Map(),
  entries: [],
  debitsOn: new Map(),
  counts: { accounts: 0, transactions: 0, entries: 0 },
  countsAt: [],
  broken: [],
})

export const isDebitNormal = (type: string): boolean => type === 'asset' || type === 'expense'

export const changeOf = (account: Account, { direction, amount }: Line): bigint =>
  isDebitNormal(account.type) === (direction === 'debit') ? BigInt(amount) : -BigInt(amount)

export const noteState = (account: Account, at: number): void => {
  const { code, status, definitionRevision, posted, entryCount, revision, updatedAt } = account
  if (account.history.at(-1)?.at === at) account.history.pop()
  const definition = { code, status, definitionRevision }
  account.history.push({ at, ...definition, posted, entryCount, revision, updatedAt })
}
