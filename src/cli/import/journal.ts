import type { Static } from 'typebox'
import type { AccountRequest } from '../../commands/open-accounts.ts'
import type { TransactionRequest } from '../../commands/record-transactions.ts'
import type { Currency } from '../../domain/currency.ts'
import type { Metadata } from '../../domain/metadata.ts'
import { UserError } from '../report-failure.ts'
import type { ChangeLine } from './line.ts'

export type JournalAccount = Static<typeof AccountRequest>

/** One thing that a file has done in a book. */
export type Step =
  | { readonly kind: 'account'; readonly line: number; readonly account: JournalAccount }
  | {
      readonly kind: 'transaction'
      /** Where it begins in the file, from 1. */
      readonly line: number
      /** What names it in its file; a second import of the file knows it by this. */
      readonly name: string
      readonly request: TransactionRequest
    }
  | { readonly kind: 'change'; readonly line: number; readonly change: ChangeLine }

export type StepOf<Kind extends Step['kind']> = Extract<Step, { kind: Kind }>

/** What a file has to say of its book, read once to see whether it can be read at all. */
export type Journal = {
  readonly book: {
    readonly currencies: readonly Currency[]
    readonly time_zone?: string
    readonly metadata?: Metadata
  }
  /** Those that have to be there before the first step, however they came to be there. */
  readonly accounts: readonly JournalAccount[]
  readonly count: number
  /** Transactions of nothing but zeros, which no book can hold. */
  readonly empty: number
  /** Reads the file again, in its order. */
  readonly steps: () => AsyncIterable<Step>
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
