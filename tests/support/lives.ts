import fc from 'fast-check'
import { changeTransactionMetadata } from '../../src/commands/change-transaction-metadata.ts'
import { closeAccount } from '../../src/commands/close-account.ts'
import { closePeriod } from '../../src/commands/close-period.ts'
import { freezeAccount, unfreezeAccount } from '../../src/commands/freeze-account.ts'
import { openAccounts } from '../../src/commands/open-accounts.ts'
import type { Received } from '../../src/commands/received.ts'
import { recordTransactions } from '../../src/commands/record-transactions.ts'
import { reopenPeriod } from '../../src/commands/reopen-period.ts'
import { updateAccount } from '../../src/commands/update-account.ts'
import { receivedOf } from './received.ts'

// The lives of accounts and periods: opened, renamed, limited, frozen, closed, and opened again.

type Limits = { readonly min?: number | null; readonly max?: number | null }

export type Deed =
  | ({ readonly kind: 'open'; readonly code: string; readonly type: 'asset' | 'equity' } & Limits)
  | ({
      readonly kind: 'change'
      readonly code: string
      readonly to?: string
      readonly enforce?: 'future'
    } & Limits)
  | { readonly kind: 'freeze' | 'unfreeze' | 'close'; readonly code: string }
  | {
      readonly kind: 'pay'
      readonly from: string
      readonly to: string
      readonly amount: number
      readonly id?: string
      readonly on?: string
      readonly isForward: boolean
    }
  | { readonly kind: 'note'; readonly id: string; readonly notes: Record<string, string | null> }
  | { readonly kind: 'close period'; readonly through: string }
  | { readonly kind: 'reopen period'; readonly through: string | null }

export type Life = readonly { readonly laterBy: number; readonly deed: Deed }[]

const hour = 3_600_000
const codes = ['a', 'b', 'c'] as const
const days = ['2024-02-27', '2024-02-28', '2024-02-29', '2024-03-01', '2024-03-02'] as const

const code = fc.constantFrom(...codes)
const day = fc.constantFrom(...days)
const limit = fc.option(fc.integer({ min: -6, max: 12 }), { nil: null })
const id = fc.constantFrom(1, 2, 3).map((one) => `c11e4700-0000-7000-8000-00000000000${one}`)
const maybe = <Value>(arbitrary: fc.Arbitrary<Value>) => fc.option(arbitrary, { nil: undefined })
const one = (weight: number, arbitrary: fc.Arbitrary<object>) => ({
  weight,
  arbitrary: arbitrary.map(
    (deed) => Object.fromEntries(Object.entries(deed).filter(([, it]) => it !== undefined)) as Deed,
  ),
})

const deed: fc.Arbitrary<Deed> = fc.oneof(
  one(
    3,
    fc.record({
      kind: fc.constant('open'),
      code,
      type: fc.constantFrom('asset', 'equity'),
      min: maybe(limit),
      max: maybe(limit),
    }),
  ),
  one(
    4,
    fc.record({
      kind: fc.constant('change'),
      code,
      to: maybe(code),
      min: maybe(limit),
      max: maybe(limit),
      enforce: maybe(fc.constant('future')),
    }),
  ),
  one(3, fc.record({ kind: fc.constantFrom('freeze', 'unfreeze', 'unfreeze', 'close'), code })),
  one(
    10,
    fc.record({
      kind: fc.constant('pay'),
      from: fc.oneof(code, fc.constant('world')),
      to: fc.oneof(code, fc.constant('world')),
      amount: fc.integer({ min: 1, max: 5 }),
      id: fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: id }),
      on: maybe(day),
      isForward: fc.boolean(),
    }),
  ),
  // Who sends an id again says the same again, as a rule.
  one(
    2,
    id.map((id) => ({
      kind: 'pay',
      from: 'world',
      to: 'a',
      amount: Number(id.slice(-1)),
      id,
      isForward: false,
    })),
  ),
  one(
    1,
    fc.record({
      kind: fc.constant('note'),
      id,
      notes: fc.dictionary(fc.constantFrom('x', 'y'), fc.constantFrom('1', '2', null)),
    }),
  ),
  one(2, fc.record({ kind: fc.constant('close period'), through: day })),
  one(1, fc.record({ kind: fc.constant('reopen period'), through: fc.option(day) })),
)

/** What every life begins with, so that most of the rest makes sense. */
const beginning: Life = (['asset', 'equity'] as const).map((type, index) => ({
  laterBy: 0,
  deed: { kind: 'open', code: codes[index] as string, type },
}))

export const life: fc.Arbitrary<Life> = fc
  .array(
    fc.record({
      laterBy: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 8 * hour })),
      deed,
    }),
    { minLength: 1, maxLength: 25, size: 'max' },
  )
  .map((rest) => [...beginning, ...rest])

const target = (account: string) => ({ account, versions: null })

const limitsOf = ({ min, max }: Limits) => ({
  ...(min !== undefined && { min_balance: min === null ? null : String(min) }),
  ...(max !== undefined && { max_balance: max === null ? null : String(max) }),
})

type Options = { readonly nextId: () => string; readonly key?: string; readonly isDryRun?: boolean }

export const commandOf = (deed: Deed, options: Options): Received => {
  switch (deed.kind) {
    case 'open': {
      const { code, type } = deed
      const accounts = [{ code, type, currency: 'EUR', ...limitsOf(deed) }]
      return receivedOf(openAccounts, { accounts }, options)
    }
    case 'change': {
      const { code, to, enforce } = deed
      const changes = {
        ...(to !== undefined && { code: to }),
        ...limitsOf(deed),
        ...(enforce && { enforce }),
      }
      return receivedOf(updateAccount, { target: target(code), changes }, options)
    }
    case 'freeze':
      return receivedOf(freezeAccount, { target: target(deed.code) }, options)
    case 'unfreeze':
      return receivedOf(unfreezeAccount, { target: target(deed.code) }, options)
    case 'close':
      return receivedOf(closeAccount, { target: target(deed.code) }, options)
    case 'pay': {
      const { from, to, amount, id, on, isForward } = deed
      const transaction = {
        transfers: [{ from, to, amount: String(amount) }],
        ...(id !== undefined && { id }),
        ...(on !== undefined && { effective_at: on }),
        ...(isForward && { on_closed_period: 'roll_forward' as const }),
      }
      const data = { transactions: [transaction], atomic: true }
      return receivedOf(recordTransactions, data, options)
    }
    case 'note': {
      const data = { transaction: deed.id, metadata: deed.notes }
      return receivedOf(changeTransactionMetadata, data, options)
    }
    case 'close period':
      return receivedOf(closePeriod, { through: deed.through }, options)
    case 'reopen period':
      return receivedOf(reopenPeriod, { through: deed.through }, options)
  }
}
