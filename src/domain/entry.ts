import Type, { type Static } from 'typebox'
import { Amount } from './amount.ts'
import { CurrencyCode } from './currency.ts'

export const Direction = Type.Union([Type.Literal('debit'), Type.Literal('credit')])
export type Direction = Static<typeof Direction>

export const AccountReference = Type.String({
  minLength: 1,
  maxLength: 128,
  description: 'The id or the code of an account',
})

const assertedCurrency = Type.Optional(CurrencyCode)

/** One line of a transaction as a client writes it. `currency`, where given, must be the account's. */
export const EntryRequest = Type.Object(
  {
    account: AccountReference,
    direction: Direction,
    amount: Amount,
    currency: assertedCurrency,
  },
  { additionalProperties: false },
)
export type EntryRequest = Static<typeof EntryRequest>

/** Shorthand for a credit of `from` and a debit of `to`. */
export const TransferRequest = Type.Object(
  { from: AccountReference, to: AccountReference, amount: Amount, currency: assertedCurrency },
  { additionalProperties: false },
)
export type TransferRequest = Static<typeof TransferRequest>
