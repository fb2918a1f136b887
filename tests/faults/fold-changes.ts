import { createHash } from 'node:crypto'
import { canonicalJson } from './chain.ts'
import { type Account, type Ledger, noteState } from './ledger.ts'
import type { Stored } from './log-reader.ts'

// Of the harness's own ledger: accounts that are defined anew, and periods.

/** The first instant at which something may still be dated; null: any may. */
export const openFrom = (ledger: Ledger): string | null => ledger.closed.at(-1)?.end ?? null

/** By the event's type: what the account was, and is then. */
const turns: Readonly<Record<string, readonly [from: readonly string[], to: string | null]>> = {
  AccountUpdated: [['open', 'frozen'], null],
  AccountFrozen: [['open'], 'frozen'],
  AccountUnfrozen: [['frozen'], 'open'],
  AccountClosed: [['open', 'frozen'], 'closed'],
}

type Defined = {
  readonly id: string
  readonly code: string
  readonly status: string
  readonly min_balance: string | null
  readonly max_balance: string | null
}

/** Only what its type is about changes, and only to what may be. */
export const define = (ledger: Ledger, event: Stored, at: string): void => {
  const { type, data, revision, metadata } = event
  const next = data['account'] as Defined
  const account = ledger.accounts.get(next.id)
  if (!account) return void ledger.broken.push(`${at} defines ${next.id}, which is not there`)
  const [from, to] = turns[type] ?? [[], null]
  const { status, code, definition } = account
  if (!from.includes(status) || next.status !== (to ?? status)) {
    ledger.broken.push(`${at}, a ${type}, takes ${code} from ${status} to ${next.status}`)
  }
  const isFree = type === 'AccountUpdated'
  const changed = Object.entries(next).filter(
    ([name, value]) => canonicalJson(value) !== canonicalJson(definition[name] ?? null),
  )
  for (const [name] of changed) {
    const isFixed = ['id', 'type', 'currency', 'exponent'].includes(name)
    if (name !== 'status' && (isFixed || !isFree)) {
      ledger.broken.push(`${at}, a ${type}, changes the ${name} of ${code}`)
    }
  }
  if (type === 'AccountClosed') checkEmpty(ledger, account, metadata.recorded_at, at)
  if (next.code !== code && ledger.codes.has(next.code)) {
    ledger.broken.push(`${at} gives the code ${next.code} to a second account`)
  }
  ledger.codes.delete(code)
  if (next.status === 'closed') {
    ledger.counts.accounts--
    account.closedAt = metadata.recorded_at
  } else {
    ledger.codes.set(next.code, account)
  }
  account.code = next.code
  account.status = next.status
  account.min = next.min_balance === null ? null : BigInt(next.min_balance)
  account.max = next.max_balance === null ? null : BigInt(next.max_balance)
  account.definition = next
  account.definitionRevision = revision
  account.updatedAt = metadata.recorded_at
  noteState(account, revision)
}

const checkEmpty = ({ broken }: Ledger, account: Account, now: string, at: string): void => {
  const { posted, pendingIncrease, pendingDecrease, maturing, code } = account
  const isHeld = pendingIncrease !== 0n || pendingDecrease !== 0n
  if (posted === 0n && !isHeld && maturing.every((one) => one.at <= now)) return
  broken.push(`${at} closes ${code}, which is not empty`)
}

const dayMs = 86_400_000
const dayAfter = (day: string): string => new Date(Date.parse(day) + dayMs).toISOString()

/** All books of the harness keep to UTC. */
export const closePeriod = (ledger: Ledger, event: Stored, at: string): void => {
  const { data, revision, metadata } = event
  const { recorded_at, actor } = metadata
  const last = ledger.closed.at(-1)
  const through = data['through'] as string
  const end = dayAfter(through)
  if (last && through <= last.through) {
    ledger.broken.push(`${at} closes ${through}, and ${last.through} was closed`)
  }
  if (end > recorded_at) ledger.broken.push(`${at} closes ${through} before it is over`)
  const told = {
    from: data['from'],
    opens_at: data['opens_at'],
    revision: data['revision'],
    trial_balance_hash: data['trial_balance_hash'],
  }
  const from = last ? last.end.slice(0, 10) : null
  const trial_balance_hash = trialBalanceHash(ledger, end)
  const wanted = { from, opens_at: end, revision: revision - 1, trial_balance_hash }
  if (canonicalJson(told) !== canonicalJson(wanted)) {
    ledger.broken.push(`${at} says ${canonicalJson(told)}, folded ${canonicalJson(wanted)}`)
  }
  const closing = {
    id: derivedId(['period', ledger.id, String(revision)]),
    from,
    through,
    end,
    shownRevision: revision - 1,
    hash: trial_balance_hash,
    closedBy: actor,
    revision,
    createdAt: recorded_at,
    reopenedBy: null,
    reopenedAt: null,
  }
  ledger.periods.push(closing)
  ledger.closed.push(closing)
}

/** The latest closings are taken back, down to one that stays. */
export const reopenPeriod = (ledger: Ledger, { data, metadata }: Stored, at: string): void => {
  const { recorded_at, actor } = metadata
  const through = data['through'] as string | null
  const { closed } = ledger
  const reopened = closed.filter((one) => through === null || one.through > through).reverse()
  const stays = closed.some((one) => one.through === through)
  const revisions = canonicalJson(reopened.map(({ revision }) => revision))
  const isWhole = revisions === canonicalJson(data['closings']) && reopened.length > 0
  if (!isWhole || (through !== null && !stays)) {
    ledger.broken.push(`${at} reopens ${canonicalJson(data['closings'])} down to ${through}`)
  }
  for (const one of reopened) {
    one.reopenedBy = actor
    one.reopenedAt = recorded_at
    closed.splice(closed.indexOf(one), 1)
  }
}

/** As `docs/accounts-and-periods.md` has it. */
const trialBalanceHash = ({ debitsOn }: Ledger, end: string): string => {
  const debits = new Map<Account, bigint>()
  const endDay = end.slice(0, 10)
  for (const [day, ofDay] of debitsOn) {
    if (day >= endDay) continue
    for (const [account, debit] of ofDay) debits.set(account, (debits.get(account) ?? 0n) + debit)
  }
  const lines = [...debits]
    .filter(([, debit]) => debit !== 0n)
    .map(([{ id, currency }, debit]) => ({
      account_id: id,
      currency,
      debit: String(debit > 0n ? debit : 0n),
      credit: String(debit < 0n ? -debit : 0n),
    }))
    .sort((one, other) => (one.account_id < other.account_id ? -1 : 1))
  return createHash('sha256').update(canonicalJson(lines)).digest('hex')
}

/** A UUID of version 8: the first half of the SHA-256 of the parts as JSON. */
export const derivedId = (parts: readonly string[]): string => {
  const hex = createHash('sha256').update(JSON.stringify(parts)).digest('hex')
  const variant = '89ab'[Number.parseInt(hex[16] as string, 16) % 4]
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `${variant}${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join('-')
}
