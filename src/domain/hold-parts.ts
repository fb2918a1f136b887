import { type Book, findAccount } from './book.ts'
import type { Direction } from './entry.ts'
import type { Hold, HoldEntry } from './hold.ts'
import { type Rejection, reject } from './rejection.ts'
import { checkAmount, checkBalanced, checkOpen } from './transaction.ts'

type Part = { readonly account: string; readonly direction: Direction; readonly amount: string }

export type WantedParts = {
  readonly amount?: string
  readonly entries?: readonly Part[]
}

/** How much of each line of a hold a posting takes: all that is held, or what it asks for. */
export const amountsToPost = (
  { amount, entries }: WantedParts,
  hold: Hold,
  book: Book,
): readonly bigint[] | Rejection => {
  if (amount !== undefined && entries !== undefined) {
    const reason = 'Give amount or entries, not both.'
    return reject('invalid_request', reason, [{ path: '/amount', reason }])
  }
  if (amount !== undefined) return partOfTwo(amount, hold)
  if (entries !== undefined) return partOfMany(entries, hold, book)
  return hold.entries.map(({ remaining }) => BigInt(remaining))
}

/** Why the accounts of what is to be posted take no entries, if one does not. */
export const checkTaking = (
  { entries }: Hold,
  amounts: readonly bigint[],
  book: Book,
): Rejection | null => {
  for (const [line, { account: id }] of entries.entries()) {
    const account = findAccount(book, id)
    const shut = amounts[line] !== 0n && account && checkOpen(account)
    if (shut) return { ...shut, details: [{ account: id, reason: shut.message }] }
  }
  return null
}

const partOfTwo = (amount: string, { entries }: Hold): readonly bigint[] | Rejection => {
  const malformed = checkAmount(amount, '/amount')
  if (malformed) return malformed
  if (entries.length > 2) return reject('hold_needs_entries')
  const [{ remaining, currency }] = entries as [HoldEntry, HoldEntry]
  if (BigInt(amount) <= BigInt(remaining)) return entries.map(() => BigInt(amount))
  const reason = `${remaining} ${currency} are held; ${amount} cannot be posted.`
  return reject('amount_exceeds_hold', reason, [{ path: '/amount', remaining, reason }])
}

const partOfMany = (
  parts: readonly Part[],
  { entries }: Hold,
  book: Book,
): readonly bigint[] | Rejection => {
  const amounts = entries.map(() => 0n)
  for (const [index, { account: reference, direction, amount }] of parts.entries()) {
    const path = `/entries/${index}`
    const malformed = checkAmount(amount, `${path}/amount`)
    if (malformed) return malformed
    const account = findAccount(book, reference)
    if (!account) {
      const reason = `There is no account ${reference} in this book.`
      return reject('account_not_found', reason, [{ path: `${path}/account`, reason }])
    }
    let left = BigInt(amount)
    for (const [line, entry] of entries.entries()) {
      if (entry.account !== account.id || entry.direction !== direction) continue
      const room = BigInt(entry.remaining) - (amounts[line] as bigint)
      const taken = left < room ? left : room
      amounts[line] = (amounts[line] as bigint) + taken
      left -= taken
    }
    if (left === 0n) continue
    const reason = `To ${direction} ${reference} with ${amount} is ${left} more than is held.`
    return reject('amount_exceeds_hold', reason, [{ path, reason }])
  }
  const posted = entries
    .map((entry, line) => ({ ...entry, amount: String(amounts[line]) }))
    .filter(({ amount }) => amount !== '0')
  if (posted.length < 2) return reject('too_few_entries')
  const touched = new Set(posted.map(({ account }) => account))
  return checkBalanced(posted) ?? (touched.size < 2 ? reject('same_account') : amounts)
}
