import type { HeldLine } from '../projections/ledger/holds.ts'
import type { Reading, ReadModel } from './query.ts'
import type { TransactionResource } from './resources.ts'

type Row = ReadModel['transaction']
type Entries = TransactionResource['entries']

/** Transactions with their entries, in the order given. */
export const withEntries = async (
  reading: Reading,
  rows: readonly Row[],
): Promise<TransactionResource[]> => {
  if (rows.length === 0) return []
  const entries = await postedEntries(reading, rows)
  const held = await heldEntries(reading, rows)
  const reversals = await reversalsOf(reading, rows)
  return rows.map((row) => ({
    id: row.id,
    book_id: row.book_id,
    status: row.status as TransactionResource['status'],
    effective_at: row.effective_at,
    expires_at: row.expires_at,
    description: row.description,
    reference: row.reference,
    reverses: row.reverses,
    reversed_by: reversals.get(row.id) ?? null,
    metadata: row.metadata as TransactionResource['metadata'],
    entries: held.get(row.id) ?? entries.get(row.id) ?? [],
    settled_revision: row.settled_revision,
    settled_at: row.settled_at,
    revision: row.revision,
    created_at: row.created_at,
    updated_at: row.updated_at,
  }))
}

const postedEntries = async (
  { db }: Reading,
  rows: readonly Row[],
): Promise<Map<string, Entries>> => {
  const ids = rows.filter(({ hold }) => hold === null).map(({ id }) => id)
  const byTransaction = new Map<string, Entries>()
  if (ids.length === 0) return byTransaction
  const entries = await db
    .selectFrom('entry')
    .innerJoin('account', 'account.id', 'entry.account_id')
    .select(['entry.transaction_id', 'entry.account_id', 'account.code', 'entry.direction'])
    .select(['entry.amount', 'entry.currency', 'account.exponent'])
    .where('entry.transaction_id', 'in', ids)
    .orderBy('entry.transaction_id')
    .orderBy('entry.line')
    .execute()
  for (const { transaction_id, code, direction, ...entry } of entries) {
    const list = byTransaction.get(transaction_id) ?? []
    list.push({ ...entry, account_code: code, direction: direction as 'debit' | 'credit' })
    byTransaction.set(transaction_id, list)
  }
  return byTransaction
}

/** Of holds: their lines as they were held, and what became of each. */
const heldEntries = async (
  { db }: Reading,
  rows: readonly Row[],
): Promise<Map<string, Entries>> => {
  const holds = rows.flatMap(({ id, hold }) =>
    hold === null ? [] : [[id, hold as HeldLine[]] as const],
  )
  if (holds.length === 0) return new Map()
  const ids = new Set(holds.flatMap(([, lines]) => lines.map(({ account }) => account)))
  const found = await db
    .selectFrom('account')
    .select(['id', 'code', 'exponent'])
    .where('id', 'in', [...ids])
    .execute()
  const accounts = new Map(found.map((account) => [account.id, account]))
  const toEntry = ({ account: account_id, ...line }: HeldLine): Entries[number] => {
    const account = accounts.get(account_id)
    if (!account) throw new Error(`the read model has no account ${account_id}`)
    return { account_id, account_code: account.code, exponent: account.exponent, ...line }
  }
  return new Map(holds.map(([id, lines]) => [id, lines.map(toEntry)]))
}

const reversalsOf = async ({ db }: Reading, rows: readonly Row[]): Promise<Map<string, string>> => {
  const ids = rows.map(({ id }) => id)
  const found = await db
    .selectFrom('transaction')
    .select(['id', 'reverses'])
    .where('reverses', 'in', ids)
    .execute()
  return new Map(found.map(({ id, reverses }) => [reverses as string, id]))
}
