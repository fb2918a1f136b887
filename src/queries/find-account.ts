import { refuse } from '../domain/rejection.ts'
import type { BookFacts, Reading } from './query.ts'
import { type AccountRow, accountColumns, maturing, nextMaturity } from './resources.ts'

export const isId = (text: string): boolean =>
  /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i.test(text)

/** What an answer about one account depends on. By code it may come to mean another account. */
export const accountTags = (bookId: string, { account }: { account: string }): string[] =>
  isId(account) ? [`account:${account.toLowerCase()}`] : [`book:${bookId}`]

/**
 * The account with this id or code, with what is still to mature; 404 if the book has none. A
 * closed one has its id only: its code may be another's.
 */
export const findAccount = async (
  { db, bookId, now, validUntil }: Reading,
  reference: string,
): Promise<AccountRow & { next_maturity: string | null }> => {
  const accounts = db
    .selectFrom('account')
    .select(accountColumns)
    .select([maturing(now).as('maturing'), nextMaturity(now).as('next_maturity')])
    .where('book_id', '=', bookId)
  const meant = isId(reference)
    ? accounts.where('id', '=', reference)
    : accounts.where('code', '=', reference).where('deleted_at', 'is', null)
  const row = await meant.executeTakeFirst()
  if (!row) {
    return refuse('account_not_found', `There is no account ${reference} in this book.`)
  }
  validUntil(row.next_maturity)
  return row
}

/** The book; 404 if it is not there, or not yet. */
export const bookOf = ({ book }: Pick<Reading, 'book'>): BookFacts =>
  book ?? refuse('book_not_found')
