import { is, maybe, type Table } from '../table.ts'

const times = {
  created_at: is('timestamptz'),
  updated_at: is('timestamptz'),
  deleted_at: maybe('timestamptz'),
} as const

const book = {
  columns: {
    id: is('uuid'),
    name: is('text'),
    time_zone: is('text'),
    currencies: is('jsonb'),
    metadata: is('jsonb'),
    /** The last day of the periods that are closed. */
    closed_through: maybe('text'),
    account_count: is('int8'),
    transaction_count: is('int8'),
    entry_count: is('int8'),
    ...times,
  },
  primaryKey: ['id'],
  indexes: [{ columns: ['created_at', 'id'] }, { columns: ['name', 'created_at', 'id'] }],
  foreignKeys: {},
} as const satisfies Table

const member = {
  columns: {
    /** Follows from book and user. */
    id: is('uuid'),
    book_id: is('uuid'),
    user_id: is('uuid'),
    role: is('text'),
    ...times,
  },
  primaryKey: ['id'],
  indexes: [{ columns: ['book_id', 'created_at', 'id'] }, { columns: ['user_id', 'book_id'] }],
  foreignKeys: { book_id: 'book' },
} as const satisfies Table

const account = {
  columns: {
    id: is('uuid'),
    book_id: is('uuid'),
    code: is('text'),
    name: is('text'),
    type: is('text'),
    currency: is('text'),
    exponent: is('int4'),
    min_balance: maybe('numeric(38,0)'),
    max_balance: maybe('numeric(38,0)'),
    status: is('text'),
    metadata: is('jsonb'),
    /** All balances are in the account's normal sign. */
    posted: is('numeric(38,0)'),
    pending_increase: is('numeric(38,0)'),
    pending_decrease: is('numeric(38,0)'),
    entry_count: is('int8'),
    /** The revision that defined it as it is. */
    definition_revision: is('int8'),
    /** The revision that last changed its balance. */
    revision: is('int8'),
    /** Entries that came in the order of their dates up to here have a running `balance`. */
    in_order_until: maybe('timestamptz'),
    in_order_balance: is('numeric(38,0)'),
    /** The last date of an increase that lay in the future when it was recorded. */
    maturing_until: maybe('timestamptz'),
    ...times,
  },
  primaryKey: ['id'],
  changesOften: true,
  indexes: [
    // Unique after each event, but not row by row while a page of them is written.
    { columns: ['book_id', 'code'], where: 'deleted_at is null' },
    { columns: ['book_id', 'created_at', 'id'] },
    { columns: ['book_id', 'name', 'id'] },
    // Few values, many times each: Postgres keeps each once, so it takes less than a byte of ten.
    { columns: ['book_id', 'status', 'type', 'currency'] },
    { columns: ['metadata'], isByContent: true, where: "metadata <> '{}'" },
  ],
  foreignKeys: { book_id: 'book' },
} as const satisfies Table

const transaction = {
  columns: {
    id: is('uuid'),
    book_id: is('uuid'),
    revision: is('int8'),
    /** Place among the transactions of its event. */
    index: is('int4'),
    /** posted, or pending and how that ended: posted, voided or expired. */
    status: is('text'),
    /** Of a hold that was posted: when its last posting counts. */
    effective_at: is('timestamptz'),
    /** The date that was asked for, where it lay in a closed period. */
    requested_effective_at: maybe('timestamptz'),
    description: maybe('text'),
    reference: maybe('text'),
    /** The transaction that it reverses. */
    reverses: maybe('uuid'),
    metadata: is('jsonb'),
    /** Lines of a hold, see `HeldLine`; null for what was posted when it was recorded. */
    hold: maybe('jsonb'),
    expires_at: maybe('timestamptz'),
    /** The event that ended the hold. */
    settled_revision: maybe('int8'),
    settled_at: maybe('timestamptz'),
    ...times,
  },
  primaryKey: ['id'],
  indexes: [
    { columns: ['book_id', 'revision', 'index'], isUnique: true },
    { columns: ['book_id', 'effective_at', 'revision', 'index'] },
    { columns: ['book_id', 'reference'], isUnique: true, where: 'reference is not null' },
    { columns: ['reverses'], isUnique: true, where: 'reverses is not null' },
    { columns: ['book_id', 'status', 'revision', 'index'], where: 'hold is not null' },
    { columns: ['expires_at', 'book_id'], where: "status = 'pending' and expires_at is not null" },
    // Those without metadata cost nothing.
    { columns: ['metadata'], isByContent: true, where: "metadata <> '{}'" },
  ],
  foreignKeys: { book_id: 'book' },
} as const satisfies Table

/** Which accounts a hold names, so that an account's holds are found; their state is its own. */
const holdEntry = {
  columns: {
    transaction_id: is('uuid'),
    line: is('int4'),
    account_id: is('uuid'),
  },
  primaryKey: ['transaction_id', 'line'],
  isAppendOnly: true,
  indexes: [{ columns: ['account_id', 'transaction_id'] }],
  foreignKeys: { transaction_id: 'transaction', account_id: 'account' },
  checksKeysOnce: true,
} as const satisfies Table

/**
 * What changed a posted balance: lines of a transaction, or of a hold's posting. Never changed once
 * written, so it has no times of its own but its event's.
 */
const entry = {
  columns: {
    transaction_id: is('uuid'),
    /** Place among all entries of its event. */
    line: is('int4'),
    account_id: is('uuid'),
    revision: is('int8'),
    effective_at: is('timestamptz'),
    direction: is('text'),
    amount: is('numeric(38,0)'),
    currency: is('text'),
    /** Of the account after it, counting entries that came in order of their dates; else null. */
    in_order_balance: maybe('numeric(38,0)'),
    created_at: is('timestamptz'),
  },
  primaryKey: ['transaction_id', 'revision', 'line'],
  isAppendOnly: true,
  indexes: [
    { columns: ['account_id', 'effective_at', 'revision', 'line'] },
    {
      columns: ['account_id', 'effective_at', 'revision', 'line'],
      where: 'in_order_balance is null',
    },
  ],
  foreignKeys: { transaction_id: 'transaction', account_id: 'account' },
  checksKeysOnce: true,
} as const satisfies Table

const period = {
  columns: {
    /** Follows from the event that closed it. */
    id: is('uuid'),
    book_id: is('uuid'),
    /** Days of the book's time zone; it has no first one where all before it was open. */
    from: maybe('text'),
    through: is('text'),
    /** The revision whose trial balance is hashed. */
    shown_revision: is('int8'),
    trial_balance_hash: is('text'),
    closed_by: is('uuid'),
    reopened_by: maybe('uuid'),
    /** Of the event that closed it. */
    revision: is('int8'),
    ...times,
  },
  primaryKey: ['id'],
  indexes: [{ columns: ['book_id', 'revision'] }],
  foreignKeys: { book_id: 'book' },
} as const satisfies Table

export const ledgerTables = {
  book,
  member,
  account,
  transaction,
  hold_entry: holdEntry,
  entry,
  period,
} as const
export type LedgerTables = typeof ledgerTables
