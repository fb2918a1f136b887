import type { Static } from 'typebox'
import type { AccountRequest } from '../../commands/open-accounts.ts'
import type { TransactionRequest } from '../../commands/record-transactions.ts'
import type { Currency } from '../../domain/currency.ts'
import { UserError } from '../report-failure.ts'

export type JournalAccount = Static<typeof AccountRequest>

export type JournalTransaction = {
  /** What names it in its file; a second import of the file knows it by this. */
  readonly name: string
  /** Where it begins in the file, from 1. */
  readonly line: number
  readonly request: TransactionRequest
}

/** A file of transactions, read once to see what it needs. */
export type Journal = {
  readonly accounts: readonly JournalAccount[]
  readonly currencies: readonly Currency[]
  readonly timeZone?: string | undefined
  readonly count: number
  /** Transactions of nothing but zeros, which no book can hold. */
  readonly empty: number
  /** Reads the file again, in its order. */
  readonly transactions: () => AsyncIterable<JournalTransaction>
}

export const lineError = (file: string, line: number, reason: string): UserError =>
  new UserError(`${file}, line ${line}: ${reason}`)

/** Minor units of a decimal number such as `-12.50`. */
export const toMinorUnits = (text: string, exponent: number): bigint | string => {
  const [, sign, whole = '', fraction = ''] = /^([+-]?)(\d*)(?:\.(\d*))?$/.exec(text.trim()) ?? []
  if (sign === undefined || whole + fraction === '') return `"${text}" is no decimal number`
  const digits = fraction.replace(/0+$/, '')
  if (digits.length > exponent) return `${text} has more than ${exponent} digits after the point`
  const units = BigInt(whole + digits.padEnd(exponent, '0'))
  return sign === '-' ? -units : units
}
