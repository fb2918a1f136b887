import { post, signed } from './account.ts'
import { type Book, findAccount, remember } from './book.ts'
import type { DefinedAccount } from './events/account-defined.ts'
import type { BookOpened } from './events/book-opened.ts'
import type { Recorded } from './events/index.ts'
import type { RecordedTransaction } from './events/transactions-recorded.ts'
import { lookupsOf } from './lookup.ts'

/**
 * Applies an event to the top layer of the book. It never refuses: what is in the stream happened,
 * whatever today's rules say.
 */
export const evolve = (book: Book, event: Recorded): void => {
  if (event.revision !== book.revision + 1) {
    throw new Error(
      `book ${book.id} is at ${book.revision}; event ${event.revision} does not follow`,
    )
  }
  switch (event.type) {
    case 'BookOpened':
      openBook(book, event.data)
      book.members.set(event.metadata.actor, 'owner')
      break
    case 'AccountsOpened':
      for (const account of event.data.accounts) {
        define(book, { ...account, status: 'open' }, event.revision)
      }
      break
    case 'AccountUpdated':
    case 'AccountFrozen':
    case 'AccountUnfrozen':
    case 'AccountClosed':
      define(book, event.data.account, event.revision)
      break
    case 'TransactionsRecorded':
      for (const transaction of event.data.transactions) {
        applyTransaction(book, transaction, Date.parse(event.metadata.recorded_at))
      }
      break
    case 'MemberSet':
      book.members.set(event.data.user, event.data.role)
      break
    case 'MemberRemoved':
      book.members.set(event.data.user, null)
      break
    case 'TransactionMetadataChanged':
    case 'CommandRefused':
      break
  }
  for (const { kind, key } of lookupsOf(event)) remember(book, kind, key, event.revision)
  book.revision = event.revision
  book.hash = event.metadata.hash
  book.recordedAt = Date.parse(event.metadata.recorded_at)
}

const openBook = (book: Book, data: BookOpened['data']): void => {
  book.header = { name: data.name, timeZone: data.time_zone }
  for (const { code, exponent } of data.currencies) book.exponents.set(code, exponent)
}

const unused = { posted: 0n, maturing: [] }

const define = (book: Book, definition: DefinedAccount, definedAt: number): void => {
  const { id, code, type, currency, status, min_balance, max_balance } = definition
  const minBalance = min_balance === null ? null : BigInt(min_balance)
  const maxBalance = max_balance === null ? null : BigInt(max_balance)
  const { posted, maturing } = findAccount(book, id) ?? unused
  const limits = { minBalance, maxBalance }
  book.accounts.set(id, {
    id,
    code,
    type,
    currency,
    status,
    ...limits,
    definedAt,
    posted,
    maturing,
  })
  book.codes.set(code, id)
}

export const applyTransaction = (
  book: Book,
  { entries, effective_at }: RecordedTransaction,
  recordedAt: number,
): void => {
  const effectiveAt = Date.parse(effective_at)
  for (const entry of entries) {
    const account = findAccount(book, entry.account)
    if (!account) throw new Error(`book ${book.id} has no account ${entry.account}`)
    const change = signed(account.type, entry.direction, BigInt(entry.amount))
    book.accounts.set(account.id, post(account, change, effectiveAt, recordedAt))
  }
}
