import fc from 'fast-check'
import type { Static } from 'typebox'
import type { HoldPosting } from '../../src/commands/post-hold.ts'
import type { TransactionRequest } from '../../src/commands/record-transactions.ts'
import type { ReversalRequest } from '../../src/commands/reverse-transaction.ts'
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

/** What is done later on to a transaction, be it a hold or none, or to an account. */
export type Settlement =
  | { readonly kind: 'freeze' | 'unfreeze'; readonly account: string }
  | { readonly kind: 'void'; readonly transaction: string }
  | {
      readonly kind: 'reverse'
      readonly transaction: string
      readonly reversal: Static<typeof ReversalRequest>
    }
  | {
      readonly kind: 'post'
      readonly transaction: string
      readonly posting: Static<typeof HoldPosting>
    }

export type Batch = {
  /** Since the one before. */
  readonly laterBy: number
  readonly isAtomic: boolean
  readonly items: readonly TransactionRequest[]
  /** Each a command of its own, after the batch. */
  readonly settlements: readonly Settlement[]
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

/** Of an account that nothing has touched yet, 1 is the revision that opened it. */
const guards = fc.oneof(
  fc.record({ account_revision: fc.constantFrom(1, 1, 2, 3, 4) }),
  fc.record({ available_balance: fc.record({ gte: fc.integer({ min: -9, max: 9 }).map(String) }) }),
  fc.record({ available_balance: fc.record({ lte: fc.integer({ min: -9, max: 9 }).map(String) }) }),
)

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
const guardedPair = fc
  .tuple(pair, seldom(6, guards), seldom(6, guards))
  .map(([[one, other], first, second]) => [
    { ...one!, ...first },
    { ...other!, ...second },
  ])
const entries = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.array(guardedPair, { minLength: 1, maxLength: 3 }).map((pairs) => pairs.flat()),
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

const hoursFromStart = (min: number, max: number) =>
  fc.integer({ min, max }).map((hours) => new Date(start + hours * hour).toISOString())
const date = hoursFromStart(-48, 48)
/** When a history is about to go on. */
const soon = hoursFromStart(1, 16)

const holdId = fc
  .integer({ min: 1, max: 4 })
  .map((number) => `401d0000-0000-7000-8000-00000000000${number}`)

const reference = seldom(3, fc.constantFrom('INV-1', 'INV-2'))

const once = fc
  .record({ lines, reference, effective_at: seldom(3, date) })
  .map(({ lines, ...rest }): TransactionRequest => compact({ ...lines, ...rest }) as never)

const held = fc
  .record({
    id: holdId,
    lines: fc.oneof(
      { weight: 3, arbitrary: lines },
      {
        weight: 2,
        arbitrary: transfer.map((one) => ({ transfers: [one] })),
      },
    ),
    reference,
    effective_at: seldom(4, date),
    expires_at: seldom(2, fc.oneof(date, soon)),
  })
  .map(
    ({ lines, ...rest }): TransactionRequest =>
      compact({ ...lines, ...rest, status: 'pending' as const }) as never,
  )

const line = (direction: 'debit' | 'credit', account: string, amount: string) => ({
  account,
  direction,
  amount,
})

/** One hold that is always the same, so that parts of it are often asked for that fit. */
const manyLegged: TransactionRequest = {
  id: '401d0000-0000-7000-8000-000000000001',
  status: 'pending',
  entries: [
    line('credit', 'world', '9'),
    line('debit', 'vault', '4'),
    line('debit', 'vault', '5'),
    line('debit', 'vault', '1'),
    line('credit', 'vault', '1'),
  ],
}

const partOfManyLegged = fc.constantFrom<ReturnType<typeof line>[]>(
  [line('credit', 'world', '5'), line('debit', 'vault', '5')],
  [line('credit', 'world', '5'), line('debit', 'vault', '4')],
  [line('credit', 'world', '2'), line('credit', 'world', '8')],
  [line('debit', 'vault', '1'), line('credit', 'vault', '1')],
  [line('debit', 'vault', '1'), line('credit', 'nowhere', '1')],
  [line('credit', 'world', '0'), line('debit', 'vault', '0')],
  [line('credit', 'world', '1')],
)

const posting = fc.oneof(
  { weight: 2, arbitrary: fc.constant({}) },
  { weight: 3, arbitrary: amount.map((amount) => ({ amount })) },
  {
    weight: 2,
    arbitrary: fc
      .array(
        fc.record({
          account,
          direction: fc.constantFrom('debit' as const, 'credit' as const),
          amount,
        }),
        { maxLength: 3 },
      )
      .map((entries) => ({ entries })),
  },
  { weight: 2, arbitrary: pair.map((entries) => ({ entries })) },
)

const settlement: fc.Arbitrary<Settlement> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .record({
        posting,
        remainder: seldom(3, fc.constant('keep' as const)),
        effective_at: seldom(4, date),
        transaction: fc.oneof({ weight: 9, arbitrary: holdId }, { weight: 1, arbitrary: clientId }),
      })
      .map(({ posting, transaction, ...rest }) => ({
        kind: 'post' as const,
        transaction,
        posting: compact({ ...posting, ...rest }) as Static<typeof HoldPosting>,
      })),
  },
  {
    weight: 2,
    arbitrary: fc
      .record({ entries: partOfManyLegged, remainder: seldom(2, fc.constant('keep' as const)) })
      .map((posting) => ({
        kind: 'post' as const,
        transaction: manyLegged.id as string,
        posting: compact(posting) as Static<typeof HoldPosting>,
      })),
  },
  {
    weight: 1,
    arbitrary: holdId.map((transaction) => ({ kind: 'void' as const, transaction })),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constantFrom('freeze' as const, 'unfreeze' as const),
      // Of few, or hardly any that is unfrozen would be frozen.
      account: fc.constantFrom('a', 'b'),
    }),
  },
  {
    weight: 4,
    arbitrary: fc
      .record({
        transaction: fc.oneof({ weight: 1, arbitrary: holdId }, { weight: 3, arbitrary: clientId }),
        effective_at: fc.oneof(fc.constantFrom(undefined, 'original' as const), date),
        force: seldom(4, fc.constant(true)),
      })
      .map(({ transaction, ...reversal }) => ({
        kind: 'reverse' as const,
        transaction,
        reversal: compact(reversal) as Static<typeof ReversalRequest>,
      })),
  },
)

/** Some clients choose ids. Mostly they say the same under the same id, as they should. */
const chosen = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ id: clientId, lines }).map(({ id, lines }) => ({ id, ...lines })),
  },
  {
    weight: 1,
    arbitrary: clientId.map((id) => ({
      id,
      transfers: [{ from: 'world', to: 'vault', amount: id.slice(-1) }],
    })),
  },
)

const item: fc.Arbitrary<TransactionRequest> = fc.oneof(
  { weight: 5, arbitrary: once },
  { weight: 2, arbitrary: chosen },
  { weight: 2, arbitrary: held },
  { weight: 1, arbitrary: fc.constant(manyLegged) },
)

const batch = fc.record({
  laterBy: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 12 * hour })),
  isAtomic: fc.boolean(),
  items: fc.array(item, { minLength: 1, maxLength: 4 }),
  settlements: fc.array(settlement, { maxLength: 2 }),
})

/** Accounts with all kinds of limits, and batches that mostly make sense. */
export const history: fc.Arbitrary<History> = fc.record({
  accounts,
  batches: fc.array(batch, { minLength: 1, maxLength: 14 }),
})

/** Without the revisions that its entries want to have seen: a batch has one, its items each their own. */
export const unseen = ({ entries, ...rest }: TransactionRequest): TransactionRequest => ({
  ...rest,
  ...(entries && { entries: entries.map(({ account_revision: _, ...entry }) => entry) }),
})
