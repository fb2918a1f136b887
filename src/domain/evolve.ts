import { type Account, changedAt, emptyBalances, letGo, post, reserve, signed } from './account.ts'
import { type Book, findAccount, findHold, remember, setHold } from './book.ts'
import type { DefinedAccount } from './events/account-defined.ts'
import type { BookOpened } from './events/book-opened.ts'
import type { Release } from './events/hold-entry.ts'
import type { HoldPosted } from './events/hold-posted.ts'
import type { BookEvent, Recorded } from './events/index.ts'
import type { RecordedEntry, RecordedTransaction } from './events/transactions-recorded.ts'
import { type Hold, isKept, toHold } from './hold.ts'
import { lookupsOf } from './lookup.ts'

/**
 * Applies an event to the top layer of the book. It never refuses: what is in the stream happened,
 * whatever today's rules say. Whoever decided on transactions one after the other may hand over the
 * fork of the book on which they did: their accounts and holds are the same.
 */
export const evolve = (book: Book, event: Recorded, decided: Book | null = null): void => {
  if (event.revision !== book.revision + 1) {
    throw new Error(
      `book ${book.id} is at ${book.revision}; event ${event.revision} does not follow`,
    )
  }
  const { actor, hash, recorded_at } = event.metadata
  const recordedAt = Date.parse(recorded_at)
  if (decided && event.type === 'TransactionsRecorded') takeOver(book, decided)
  else apply(book, event, event.revision, recordedAt)
  if (event.type === 'BookOpened') book.members.set(actor, 'owner')
  for (const { kind, key } of lookupsOf(event)) remember(book, kind, key, event.revision)
  book.revision = event.revision
  book.hash = hash
  book.recordedAt = recordedAt
}

/**
 * What an event makes of accounts, holds and the like when it stands at this revision. The book
 * itself stays where it is.
 */
export const apply = (book: Book, event: BookEvent, revision: number, recordedAt: number): void => {
  switch (event.type) {
    case 'BookOpened':
      openBook(book, event.data)
      break
    case 'AccountsOpened':
      for (const account of event.data.accounts) {
        define(book, { ...account, status: 'open' }, revision)
      }
      break
    case 'AccountUpdated':
    case 'AccountFrozen':
    case 'AccountUnfrozen':
    case 'AccountClosed':
      define(book, event.data.account, revision)
      break
    case 'TransactionsRecorded':
      for (const transaction of event.data.transactions) {
        applyTransaction(book, transaction, revision, recordedAt)
      }
      break
    case 'HoldPosted':
      postHold(book, event.data, revision, recordedAt)
      break
    case 'HoldVoided':
    case 'HoldExpired':
      releaseHold(book, event.data, revision)
      break
    case 'PeriodClosed': {
      const { through, opens_at } = event.data
      const period = { through, end: Date.parse(opens_at), revision }
      book.periods = [...book.periods, period]
      break
    }
    case 'PeriodReopened': {
      const { closings } = event.data
      book.periods = book.periods.filter((period) => !closings.includes(period.revision))
      break
    }
    case 'MemberSet':
      book.members.set(event.data.user, event.data.role)
      break
    case 'MemberRemoved':
      book.members.set(event.data.user, null)
      break
    case 'TransactionMetadataChanged':
    case 'CommandRefused':
    case 'BatchApplied':
      break
  }
}

const takeOver = (book: Book, { accounts, holds }: Book): void => {
  for (const [id, account] of accounts) book.accounts.set(id, account)
  for (const [id, hold] of holds) setHold(book, id, hold)
}

const openBook = (book: Book, data: BookOpened['data']): void => {
  book.header = { name: data.name, timeZone: data.time_zone }
  for (const { code, exponent } of data.currencies) book.exponents.set(code, exponent)
}

const define = (book: Book, definition: DefinedAccount, revision: number): void => {
  const { id, code, type, currency, status, min_balance, max_balance } = definition
  book.accounts.set(id, {
    ...(findAccount(book, id) ?? emptyBalances(revision)),
    id,
    code,
    type,
    currency,
    status,
    minBalance: min_balance === null ? null : BigInt(min_balance),
    maxBalance: max_balance === null ? null : BigInt(max_balance),
    definedAt: revision,
  })
  book.codes.set(code, id)
}

/** The accounts as a transaction leaves them, and its hold if it is pending. */
export const putTransaction = (
  book: Book,
  transaction: RecordedTransaction,
  accounts: Iterable<Account>,
  revision: number,
): void => {
  for (const account of accounts) book.accounts.set(account.id, changedAt(account, revision))
  if (transaction.status === 'pending') setHold(book, transaction.id, toHold(transaction))
}

/** Records a transaction: what is posted changes balances, what is pending is held. */
const applyTransaction = (
  book: Book,
  transaction: RecordedTransaction,
  revision: number,
  recordedAt: number,
): void => {
  const { entries, effective_at, status, id } = transaction
  const effectiveAt = Date.parse(effective_at)
  const isPending = status === 'pending'
  for (const entry of entries) {
    change(book, entry, revision, (account, amount) =>
      isPending ? reserve(account, amount) : post(account, amount, effectiveAt, recordedAt),
    )
  }
  if (isPending) setHold(book, id, toHold(transaction))
}

const postHold = (
  book: Book,
  { transaction, entries, effective_at }: HoldPosted['data'],
  revision: number,
  recordedAt: number,
): void => {
  const hold = openHold(book, transaction)
  releaseEntries(book, hold, entries, revision)
  for (const entry of entries) {
    change(book, entry, revision, (account, amount) =>
      post(account, amount, Date.parse(effective_at), recordedAt),
    )
  }
  const rest = entries.map(({ amount: _, ...entry }) => entry)
  const kept: Hold = { ...hold, effectiveAt: effective_at, entries: rest }
  setHold(book, transaction, isKept(entries) ? kept : null)
}

const releaseHold = (book: Book, { transaction, entries }: Release, revision: number): void => {
  const rest = entries.map((entry) => ({ ...entry, remaining: '0' }))
  releaseEntries(book, openHold(book, transaction), rest, revision)
  setHold(book, transaction, null)
}

/** Lets go of all of each line that is no longer held. */
const releaseEntries = (
  book: Book,
  hold: Hold,
  entries: Hold['entries'],
  revision: number,
): void => {
  for (const [line, { remaining, ...entry }] of hold.entries.entries()) {
    const left = entries[line]?.remaining ?? '0'
    const amount = String(BigInt(remaining) - BigInt(left))
    change(book, { ...entry, amount }, revision, letGo)
  }
}

const openHold = (book: Book, id: string): Hold => {
  const hold = findHold(book, id)
  if (!hold) throw new Error(`book ${book.id} has no open hold ${id}`)
  return hold
}

const change = (
  book: Book,
  { account: id, direction, amount }: RecordedEntry,
  revision: number,
  by: (account: Account, amount: bigint) => Account,
): void => {
  if (amount === '0') return
  const account = findAccount(book, id)
  if (!account) throw new Error(`book ${book.id} has no account ${id}`)
  const changed = by(account, signed(account.type, direction, BigInt(amount)))
  book.accounts.set(id, changedAt(changed, revision))
}
