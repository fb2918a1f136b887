import fc from 'fast-check'
import type { TransactionRequest } from '../../src/commands/record-transactions.ts'
import type { AccountType } from '../../src/domain/account.ts'

/** The same histories in every run; another seed on demand, and more of them. */
export const runs = (numRuns: number) => ({
  seed: Number(process.env['DAYBOOK_SEED'] ?? 20240301),
  numRuns: numRuns * Number(process.env['DAYBOOK_RUNS_TIMES'] ?? 1),
})

export type OpenedAccount = {
  readonly code: string
  readonly type: AccountType
  readonly currency: string
  readonly min_balance: string | null
  readonly max_balance: string | null
}

export type Batch = {
  /** Since the one before. */
  readonly laterBy: number
  readonly isAtomic: boolean
  readonly items: readonly TransactionRequest[]
}

export type History = {
  readonly accounts: readonly OpenedAccount[]
  readonly batches: readonly Batch[]
}

export const start = Date.parse('2024-03-01T12:00:00Z')
const hour = 3_600_000

const codes = ['a', 'b', 'c', 'd', 'e'] as const
const types = ['asset', 'liability', 'equity', 'income', 'expense'] as const

const orNull = <Value>(arbitrary: fc.Arbitrary<Value>) => fc.option(arbitrary, { nil: null })
/** One time in `times`. */
const seldom = <Value>(times: number, arbitrary: fc.Arbitrary<Value>) =>
  fc.oneof({ weight: times - 1, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary })

const accounts = fc
  .tuple(
    ...codes.map((code) =>
      fc.record({
        code: fc.constant(code),
        type: fc.constantFrom(...types),
        currency: fc.constantFrom('EUR', 'EUR', 'EUR', 'USD'),
        min_balance: orNull(fc.integer({ min: -20, max: 0 }).map(String)),
        max_balance: orNull(fc.integer({ min: 0, max: 40 }).map(String)),
      }),
    ),
  )
  .map((some): OpenedAccount[] => [
    ...some,
    { code: 'world', type: 'equity', currency: 'EUR', min_balance: null, max_balance: null },
    { code: 'vault', type: 'asset', currency: 'EUR', min_balance: null, max_balance: null },
  ])

const account = fc.constantFrom(...codes, 'world', 'world', 'vault')
const largest = '9'.repeat(38)
const amount = fc.oneof(
  { weight: 40, arbitrary: fc.integer({ min: 1, max: 25 }).map(String) },
  {
    weight: 2,
    arbitrary: fc.constantFrom('0', '1', largest, `1${'0'.repeat(38)}`, `5${'0'.repeat(37)}`),
  },
)
const currency = seldom(8, fc.constantFrom('EUR', 'EUR', 'USD'))

type Compact<Value> = { [Name in keyof Value]: Exclude<Value[Name], undefined> }

/** Without what is undefined, as JSON has it. */
const compact = <Value extends object>(value: Value): Compact<Value> =>
  Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as Compact<Value>

const transfer = fc.record({ from: account, to: account, amount, currency }).map(compact)
const entry = fc
  .record({
    account: fc.oneof(
      { weight: 20, arbitrary: account },
      { weight: 1, arbitrary: fc.constant('nowhere') },
    ),
    direction: fc.constantFrom('debit' as const, 'credit' as const),
    amount,
    currency,
  })
  .map(compact)

/** Two lines that balance. */
const pair = fc.tuple(account, account, amount).map(([one, other, amount]) => [
  { account: one, direction: 'debit' as const, amount },
  { account: other, direction: 'credit' as const, amount },
])
const entries = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.array(pair, { minLength: 1, maxLength: 3 }).map((pairs) => pairs.flat()),
  },
  { weight: 1, arbitrary: fc.array(entry, { maxLength: 4 }) },
)
const lines = fc.oneof(
  fc.record({ transfers: fc.array(transfer, { minLength: 1, maxLength: 3 }) }),
  fc.record({ entries }),
  fc.record({ entries, transfers: fc.array(transfer, { maxLength: 2 }) }),
)

const clientId = fc
  .integer({ min: 1, max: 6 })
  .map((number) => `c11e4700-0000-7000-8000-00000000000${number}`)

const date = fc
  .integer({ min: -48, max: 48 })
  .map((hours) => new Date(start + hours * hour).toISOString())

const once = fc
  .record({ lines, effective_at: seldom(3, date) })
  .map(
    ({ lines, effective_at }): TransactionRequest => compact({ ...lines, effective_at }) as never,
  )

/** Some clients choose ids. Mostly they say the same under the same id, as they should. */
const chosen = fc.oneof(
  fc.record({ id: clientId, lines }).map(({ id, lines }) => ({ id, ...lines })),
  clientId.map((id) => ({ id, transfers: [{ from: 'world', to: 'vault', amount: id.slice(-1) }] })),
)

const item: fc.Arbitrary<TransactionRequest> = fc.oneof(
  { weight: 5, arbitrary: once },
  { weight: 1, arbitrary: chosen },
)

const batch = fc.record({
  laterBy: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 12 * hour })),
  isAtomic: fc.boolean(),
  items: fc.array(item, { minLength: 1, maxLength: 4 }),
})

/** Accounts with all kinds of limits, and batches that mostly make sense. */
export const history: fc.Arbitrary<History> = fc.record({
  accounts,
  batches: fc.array(batch, { minLength: 1, maxLength: 14 }),
})
