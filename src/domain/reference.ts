import Type from 'typebox'
import { type Book, findRevision } from './book.ts'
import { type Rejection, reject } from './rejection.ts'

export const Reference = Type.String({
  minLength: 1,
  maxLength: 255,
  description: 'A name from outside, e.g. of an invoice or a payment: unique in the book',
  examples: ['invoice-2024-0117'],
})

/** Why the book cannot take another transaction of this reference, if it has one. */
export const checkReference = (reference: string, book: Book): Rejection | null => {
  if (findRevision(book, 'reference', reference) === undefined) return null
  const reason = `The reference ${reference} is taken. Choose another or use that transaction.`
  return reject('reference_taken', reason, [{ path: '/reference', reason }])
}
