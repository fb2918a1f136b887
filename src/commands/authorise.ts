import { type Book, findMember } from '../domain/book.ts'
import { type Rejection, reject } from '../domain/rejection.ts'
import type { Received } from './received.ts'

/** Leaves no trace: whoever may not write into a book must not write into its stream. */
export const authorise = ({ command, actor, isAdmin }: Received, book: Book): Rejection | null => {
  if (!book.header) return command.name === 'OpenBook' ? null : reject('book_not_found')
  if (isAdmin) return null
  const role = findMember(book, actor)
  // Somebody else's book is answered like one that is not there.
  if (!role) return reject('book_not_found')
  if (command.roles.includes(role)) return null
  return reject('forbidden', `Your role in this book is ${role}, which does not allow this.`)
}
