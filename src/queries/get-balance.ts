import Type, { type Static } from 'typebox'
import { SignedAmount } from '../domain/amount.ts'
import { CurrencyCode } from '../domain/currency.ts'
import { DateOrInstant, endOf } from '../domain/instant.ts'
import { balanceAt } from './balance-at.ts'
import { accountTags, bookOf, findAccount } from './find-account.ts'
import { query } from './query.ts'

export const BalanceResource = Type.Object({
  account_id: Type.String({ format: 'uuid' }),
  account_code: Type.String(),
  currency: CurrencyCode,
  exponent: Type.Integer(),
  effective_at: Type.Union([Type.String(), Type.Null()], {
    description: 'As asked; null: everything recorded, whatever its date',
  }),
  balance: Type.Intersect([SignedAmount], { description: 'In the account’s normal sign' }),
})
type BalanceResource = Static<typeof BalanceResource>

export const GetBalance = Type.Object(
  { effective_at: Type.Optional(DateOrInstant) },
  { additionalProperties: false },
)
type GetBalance = Static<typeof GetBalance> & { account: string }

export const getBalance = query<GetBalance, BalanceResource>({
  name: 'balance',
  tags: accountTags,
  isOneStatement: ({ effective_at }) => effective_at === undefined,

  run: async (reading, { account: reference, effective_at }) => {
    const account = await findAccount(reading, reference)
    let balance = account.posted
    if (effective_at !== undefined) {
      const { time_zone } = bookOf(reading)
      const end = new Date(endOf(effective_at, time_zone))
      const row = await reading.db
        .selectFrom('account')
        .select(balanceAt(end, reading.revision).as('balance'))
        .where('id', '=', account.id)
        .executeTakeFirstOrThrow()
      balance = row.balance
    }
    const { id, code, currency, exponent } = account
    const data = { account_id: id, account_code: code, currency, exponent, balance }
    return { data: { ...data, effective_at: effective_at ?? null }, meta: {} }
  },
})
