import { sql } from 'kysely'
import Type, { type Static, type TSchema } from 'typebox'
import { AccountStatus, AccountType } from '../domain/account.ts'
import { SignedAmount } from '../domain/amount.ts'
import { Currency, CurrencyCode } from '../domain/currency.ts'
import { Direction } from '../domain/entry.ts'
import { Instant } from '../domain/instant.ts'
import { Metadata } from '../domain/metadata.ts'
import { unseen } from './filters.ts'
import type { ReadModel } from './query.ts'

const Id = Type.String({ format: 'uuid' })
const Exponent = Type.Integer({ description: 'Digits after the point' })

export const BookResource = Type.Object({
  id: Id,
  name: Type.String(),
  time_zone: Type.String(),
  currencies: Type.Array(Currency),
  metadata: Metadata,
  closed_through: Type.Union([Type.String({ format: 'date' }), Type.Null()], {
    description: 'The last day of the periods that are closed',
  }),
  account_count: Type.Integer({ description: 'Accounts that are not closed' }),
  transaction_count: Type.Integer(),
  entry_count: Type.Integer(),
  created_at: Instant,
  updated_at: Instant,
})
export type BookResource = Static<typeof BookResource>

export const AccountResource = Type.Object({
  id: Id,
  book_id: Id,
  code: Type.String(),
  name: Type.String(),
  type: AccountType,
  currency: CurrencyCode,
  exponent: Exponent,
  min_balance: Type.Union([SignedAmount, Type.Null()]),
  max_balance: Type.Union([SignedAmount, Type.Null()]),
  status: AccountStatus,
  metadata: Metadata,
  balances: Type.Object(
    {
      posted: SignedAmount,
      pending: SignedAmount,
      available: SignedAmount,
    },
    { description: 'In the account’s normal sign; available is what the minimum binds' },
  ),
  entry_count: Type.Integer(),
  definition_revision: Type.Integer({
    description:
      'Of the event that defined it as it is; the part of its ETag that If-Match compares',
  }),
  revision: Type.Integer({ description: 'Of the event that last changed its balance' }),
  created_at: Instant,
  updated_at: Instant,
  deleted_at: Type.Union([Instant, Type.Null()], { description: 'When it was closed' }),
})
export type AccountResource = Static<typeof AccountResource>

/** What a change of its definition answers: only what its event says. */
export const AccountAnswer = Type.Omit(AccountResource, [
  'balances',
  'entry_count',
  'revision',
  'created_at',
])
export type AccountAnswer = Static<typeof AccountAnswer>

/** What `expand=account` shows. */
const ExpandedAccount = Type.Object(
  { id: Id, code: Type.String(), name: Type.String(), type: AccountType },
  { description: 'As it is now; with expand=account' },
)

const EntryResource = Type.Object({
  account_id: Id,
  account_code: Type.Optional(Type.String({ description: 'As it is now; only in reads' })),
  account: Type.Optional(ExpandedAccount),
  direction: Direction,
  amount: SignedAmount,
  currency: CurrencyCode,
  exponent: Exponent,
  posted: Type.Optional(
    Type.Intersect([SignedAmount], { description: 'Of a hold: what of amount was posted so far' }),
  ),
  remaining: Type.Optional(
    Type.Intersect([SignedAmount], { description: 'Of a hold: what of amount is still held' }),
  ),
})

const orNull = <Schema extends TSchema>(schema: Schema, description?: string) =>
  Type.Union([schema, Type.Null()], description === undefined ? {} : { description })

export const TransactionResource = Type.Object({
  id: Id,
  book_id: Id,
  status: Type.Union(
    [
      Type.Literal('posted'),
      Type.Literal('pending'),
      Type.Literal('voided'),
      Type.Literal('expired'),
    ],
    { description: 'A pending one is a hold; its status then says how that ended' },
  ),
  effective_at: Type.Intersect([Instant], {
    description: 'Of a hold that was posted: when its last posting counts',
  }),
  requested_effective_at: orNull(
    Instant,
    'The date that was asked for, where it lay in a closed period',
  ),
  expires_at: orNull(Instant),
  description: orNull(Type.String()),
  reference: orNull(Type.String()),
  reverses: orNull(Id, 'The transaction that this one reverses'),
  reversed_by: orNull(Id, 'The transaction that reverses this one'),
  metadata: Metadata,
  entries: Type.Array(EntryResource),
  settled_revision: orNull(Type.Integer(), 'Of the event that ended the hold'),
  settled_at: orNull(Instant),
  revision: Type.Integer({ description: 'Of the event that recorded it' }),
  created_at: Type.String({ format: 'date-time', description: 'When it was recorded' }),
  updated_at: Instant,
})
export type TransactionResource = Static<typeof TransactionResource>

/** What `expand=transaction` shows. */
const ExpandedTransaction = Type.Object(
  Type.Pick(TransactionResource, ['id', 'status', 'reference', 'reverses', 'metadata']).properties,
  { description: 'As it is now; with expand=transaction' },
)
export type ExpandedTransaction = Static<typeof ExpandedTransaction>

/** What a change of a transaction's metadata answers: only what its event says. */
export const TransactionMetadataAnswer = Type.Object({
  id: Id,
  book_id: Id,
  metadata: Metadata,
  updated_at: Instant,
})
export type TransactionMetadataAnswer = Static<typeof TransactionMetadataAnswer>

/** What became of a hold. */
export const SettlementResource = Type.Object({
  transaction_id: Id,
  book_id: Id,
  status: Type.Union([
    Type.Literal('posted'),
    Type.Literal('pending'),
    Type.Literal('voided'),
    Type.Literal('expired'),
  ]),
  effective_at: orNull(Instant, 'When what was posted last counts; null where nothing was'),
  requested_effective_at: orNull(
    Instant,
    'The date that was asked for, where it lay in a closed period',
  ),
  entries: Type.Array(
    Type.Object({
      account_id: Id,
      direction: Direction,
      amount: Type.Intersect([SignedAmount], {
        description: 'What was posted now, or let go of by a void',
      }),
      posted: Type.Intersect([SignedAmount], { description: 'What has been posted in all' }),
      remaining: Type.Intersect([SignedAmount], { description: 'What is still held' }),
      currency: CurrencyCode,
      exponent: Exponent,
    }),
  ),
  revision: Type.Integer({ description: 'Of the event that did it' }),
  created_at: Type.String({ format: 'date-time', description: 'When it was recorded' }),
})
export type SettlementResource = Static<typeof SettlementResource>

export const StatementLine = Type.Object({
  transaction_id: Id,
  line: Type.Integer(),
  revision: Type.Integer(),
  effective_at: Instant,
  created_at: Type.String({ format: 'date-time', description: 'When it was recorded' }),
  description: Type.Union([Type.String(), Type.Null()]),
  direction: Direction,
  amount: SignedAmount,
  currency: CurrencyCode,
  exponent: Exponent,
  running_balance: Type.String({
    description: 'Of the account after this line, in the order of effective_at',
  }),
  account: Type.Optional(ExpandedAccount),
  transaction: Type.Optional(ExpandedTransaction),
})
export type StatementLine = Static<typeof StatementLine>

export const toBook = ({ deleted_at: _, ...row }: ReadModel['book']): BookResource =>
  row as BookResource

/** The side on which an account grows, by its type. */
export const normalSide = sql<string>`case when account.type in ('asset', 'expense')
  then 'debit' else 'credit' end`

/** Increases that are dated after `now`: posted, but not available yet. */
export const maturing = (now: Date) => whileMaturing(now, 'coalesce(sum(amount), 0)', '0')

/** When the next of those increases counts; null if there is none. */
export const nextMaturity = (now: Date) =>
  whileMaturing<string | null>(now, 'min(effective_at)', 'null')

const whileMaturing = <Value = string>(now: Date, value: string, otherwise: string) => {
  const instant = unseen(now, 'timestamptz')
  return sql<Value>`case when account.maturing_until > ${instant} then (
  select ${sql.raw(value)} from entry
  where account_id = account.id and effective_at > ${instant} and direction = ${normalSide}
) else ${sql.raw(otherwise)} end`
}

/** What is shown of an account is made of these, and of what is still to mature. */
export const accountColumns = [
  'id',
  'book_id',
  'code',
  'name',
  'type',
  'currency',
  'exponent',
  'min_balance',
  'max_balance',
  'status',
  'metadata',
  'posted',
  'pending_increase',
  'pending_decrease',
  'entry_count',
  'definition_revision',
  'revision',
  'created_at',
  'updated_at',
  'deleted_at',
] as const

export type AccountRow = Pick<ReadModel['account'], (typeof accountColumns)[number]> & {
  maturing: string
}

export const toAccount = (row: AccountRow): AccountResource => {
  const { posted, pending_increase, pending_decrease, maturing: toCome } = row
  const pending = less(pending_increase, pending_decrease)
  const available = less(less(posted, pending_decrease), toCome)
  return {
    id: row.id,
    book_id: row.book_id,
    code: row.code,
    name: row.name,
    type: row.type as AccountResource['type'],
    currency: row.currency,
    exponent: row.exponent,
    min_balance: row.min_balance,
    max_balance: row.max_balance,
    status: row.status as AccountResource['status'],
    metadata: row.metadata as AccountResource['metadata'],
    balances: { posted, pending, available },
    entry_count: row.entry_count,
    definition_revision: row.definition_revision,
    revision: row.revision,
    created_at: row.created_at,
    updated_at: row.updated_at,
    deleted_at: row.deleted_at,
  }
}

/** Mostly there is nothing to take away. */
const less = (amount: string, taken: string): string =>
  taken === '0' ? amount : String(BigInt(amount) - BigInt(taken))
