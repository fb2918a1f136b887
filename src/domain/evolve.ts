import { post, signed } from './account.ts'
import { type Book, findAccount } from './book.ts'
import type { AccountsOpened } from './events/accounts-opened.ts'
import type { BookOpened } from './events/book-opened.ts'
import type { EventMetadata } from './events/event.ts'
import type { Recorded } from './events/index.ts'
import type { RecordedTransaction } from './events/transactions-recorded.ts'

/** What an idempotency key is unique in. */
export const keyScope = (actor: string, route: string, key: string): string =>
  `${actor} ${route} ${key}`

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
      openAccounts(book, event.data)
      break
    case 'TransactionsRecorded':
      for (const transaction of event.data.transactions) {
        book.transactions.set(transaction.id, event.revision)
        applyTransaction(book, transaction, Date.parse(event.metadata.recorded_at))
      }
      break
    case 'MemberSet':
      book.members.set(event.data.user, event.data.role)
      break
    case 'MemberRemoved':
      book.members.set(event.data.user, null)
      break
    case 'CommandRefused':
      break
  }
  remember(book, event.revision, event.metadata)
}

const remember = (book: Book, revision: number, metadata: EventMetadata): void => {
  const { actor, route, idempotency_key } = metadata
  if (idempotency_key !== null && route !== null) {
    book.keys.set(keyScope(actor, route, idempotency_key), revision)
  }
  book.revision = revision
  book.hash = metadata.hash
  book.recordedAt = Date.parse(metadata.recorded_at)
}

const openBook = (book: Book, data: BookOpened['data']): void => {
  book.header = { name: data.name, timeZone: data.time_zone }
  for (const { code, exponent } of data.currencies) book.exponents.set(code, exponent)
}

const openAccounts = (book: Book, data: AccountsOpened['data']): void => {
  for (const { id, code, type, currency, min_balance, max_balance } of data.accounts) {
    const minBalance = min_balance === null ? null : BigInt(min_balance)
    const maxBalance = max_balance === null ? null : BigInt(max_balance)
    const balances = { minBalance, maxBalance, posted: 0n, maturing: [] }
    book.accounts.set(id, { id, code, type, currency, status: 'open', ...balances })
    book.codes.set(code, id)
  }
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
