import Type from 'typebox'
import { refuse } from '../domain/rejection.ts'
import { isId } from '../queries/find-account.ts'

export const BookPath = Type.Object({
  book: Type.String({ maxLength: 200, description: 'Id of the book' }),
})

export const AccountPath = Type.Object({
  book: BookPath.properties.book,
  account: Type.String({ maxLength: 200, description: 'Id or code; a slash in it as %2F' }),
})

export const TransactionPath = Type.Object({
  book: BookPath.properties.book,
  transaction: Type.String({ maxLength: 200, description: 'Id of the transaction' }),
})

export const MemberPath = Type.Object({
  book: BookPath.properties.book,
  user: Type.String({ maxLength: 200, description: 'Id of the user' }),
})

/** What is no id is no user. */
export const userIdOf = (user: string): string =>
  isId(user) ? user.toLowerCase() : refuse('user_not_found')

/** What is no id is no book: it is answered like a book that is not there. */
export const bookIdOf = (book: string): string =>
  isId(book) ? book.toLowerCase() : refuse('book_not_found')

/** What is no id is no transaction. */
export const transactionIdOf = (transaction: string): string =>
  isId(transaction) ? transaction.toLowerCase() : refuse('transaction_not_found')
