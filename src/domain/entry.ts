import Type, { type Static } from 'typebox'
import { Amount, SignedAmount } from './amount.ts'
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
    available_balance: Type.Optional(
      Type.Object(
        { gte: Type.Optional(SignedAmount), lte: Type.Optional(SignedAmount) },
        {
          additionalProperties: false,
          minProperties: 1,
          description: 'A guard: what is available after the transaction must lie within these',
        },
      ),
    ),
    account_revision: Type.Optional(
      Type.Integer({
        minimum: 0,
        description: 'A guard: the revision at which the account’s balances changed last',
      }),
    ),
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
