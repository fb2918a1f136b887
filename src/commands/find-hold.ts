import { type Book, findHold } from '../domain/book.ts'
import type { Hold } from '../domain/hold.ts'
import type { Mention } from '../domain/lookup.ts'
import { type Rejection, reject } from '../domain/rejection.ts'
import type { Circumstances } from './command.ts'
import { transactionMention, transactionNotFound } from './find-transaction.ts'

/** All that may have to be looked up to say whether a transaction is held, was, or never was. */
export const holdMentions = (id: string): Mention[] => {
  const transaction = transactionMention(id)
  return [transaction, { kind: 'settlement', key: transaction.key }]
}

/** The same where an open hold is to be ended: all about that is at hand. */
export const endMentions = (id: string, book: Book): Mention[] =>
  findHold(book, id.toLowerCase()) ? [] : holdMentions(id)

/** The hold, if it is open; else why it is not. */
export const findOpenHold = (
  id: string,
  book: Book,
  { eventOf }: Pick<Circumstances, 'eventOf'>,
): Hold | Rejection => {
  const key = id.toLowerCase()
  const hold = findHold(book, key)
  if (hold) return hold
  const settlement = eventOf({ kind: 'settlement', key })
  if (!settlement) {
    const isThere = eventOf({ kind: 'transaction', key }) !== undefined
    return isThere ? reject('not_pending') : transactionNotFound(id)
  }
  const facts = [{ transaction: key, revision: settlement.revision }]
  const when = `at revision ${settlement.revision}`
  if (settlement.type === 'HoldPosted') {
    return reject('hold_already_posted', `Hold ${key} was posted ${when}.`, facts)
  }
  if (settlement.type === 'HoldVoided') {
    return reject('hold_already_voided', `Hold ${key} was voided ${when}.`, facts)
  }
  if (settlement.type === 'HoldExpired') {
    return reject('hold_expired', `Hold ${key} expired ${when}.`, facts)
  }
  throw new Error(`event ${settlement.revision} (${settlement.type}) ends no hold`)
}
