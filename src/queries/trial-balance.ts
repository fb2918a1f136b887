import { sql } from 'kysely'
import Type, { type Static } from 'typebox'
import { AccountType, normalSide } from '../domain/account.ts'
import { Amount } from '../domain/amount.ts'
import { CurrencyCode } from '../domain/currency.ts'
import { DateOrInstant, endOf } from '../domain/instant.ts'
import { trialBalanceHash } from '../domain/trial-balance.ts'
import { balanceAt } from './balance-at.ts'
import { bookOf } from './find-account.ts'
import { query, type Reading } from './query.ts'

const columns = {
  debit: Type.Intersect([Amount], { description: 'Debit balance; "0" where it is a credit' }),
  credit: Type.Intersect([Amount], { description: 'Credit balance; "0" where it is a debit' }),
}

export const TrialBalanceResource = Type.Object({
  effective_at: Type.Union([Type.String(), Type.Null()], {
    description: 'As asked; null: everything recorded, whatever its date',
  }),
  accounts: Type.Array(
    Type.Object({
      account_id: Type.String({ format: 'uuid' }),
      account_code: Type.String(),
      type: AccountType,
      currency: CurrencyCode,
      exponent: Type.Integer(),
      ...columns,
    }),
    { description: 'Those whose balance is not zero, by code' },
  ),
  totals: Type.Array(
    Type.Object({ currency: CurrencyCode, exponent: Type.Integer(), ...columns }),
    { description: 'Debits equal credits in each currency' },
  ),
  hash: Type.String({
    description:
      'SHA-256 of the canonical JSON (RFC 8785) of the accounts here, in the order of their ids, ' +
      'each with account_id, credit, currency and debit alone',
  }),
})
export type TrialBalanceResource = Static<typeof TrialBalanceResource>

export const TrialBalance = Type.Object(
  { effective_at: Type.Optional(DateOrInstant) },
  { additionalProperties: false },
)

export const trialBalance = query<Static<typeof TrialBalance>, TrialBalanceResource>({
  name: 'trial-balance',
  tags: (bookId) => [`book:${bookId}`],

  run: async (reading, { effective_at }) => {
    const { time_zone } = bookOf(reading)
    const end = effective_at === undefined ? null : new Date(endOf(effective_at, time_zone))
    const rows = await balances(reading, end)
    const totals = new Map<string, { exponent: number; debit: bigint; credit: bigint }>()
    const accounts: TrialBalanceResource['accounts'] = []
    for (const { id, code, type, currency, exponent, balance } of rows) {
      const amount = BigInt(balance)
      if (amount === 0n) continue
      const isDebit = (normalSide(type as AccountType) === 'debit') === amount > 0n
      const size = amount < 0n ? -amount : amount
      const total = totals.get(currency) ?? { exponent, debit: 0n, credit: 0n }
      if (isDebit) total.debit += size
      else total.credit += size
      totals.set(currency, total)
      accounts.push({
        account_id: id,
        account_code: code,
        type: type as TrialBalanceResource['accounts'][number]['type'],
        currency,
        exponent,
        debit: isDebit ? String(size) : '0',
        credit: isDebit ? '0' : String(size),
      })
    }
    const sums = [...totals].map(([currency, { exponent, debit, credit }]) => ({
      currency,
      exponent,
      debit: String(debit),
      credit: String(credit),
    }))
    const hash = trialBalanceHash(accounts)
    return { data: { effective_at: effective_at ?? null, accounts, totals: sums, hash }, meta: {} }
  },
})

const balances = ({ db, bookId, revision }: Reading, end: Date | null) =>
  db
    .selectFrom('account')
    .select(['id', 'code', 'type', 'currency', 'exponent'])
    .select((end ? balanceAt(end, revision) : sql<string>`posted`).as('balance'))
    .where('book_id', '=', bookId)
    .orderBy('code')
    .orderBy('id')
    .execute()
