import type { Reading, ReadModel } from './query.ts'
import type { TransactionResource } from './resources.ts'

/** Transactions with their entries, in the order given. */
export const withEntries = async (
  { db }: Reading,
  rows: readonly ReadModel['transaction'][],
): Promise<TransactionResource[]> => {
  if (rows.length === 0) return []
  const entries = await db
    .selectFrom('entry')
    .innerJoin('account', 'account.id', 'entry.account_id')
    .select(['entry.transaction_id', 'entry.account_id', 'account.code', 'entry.direction'])
    .select(['entry.amount', 'entry.currency', 'account.exponent'])
    .where(
      'entry.transaction_id',
      'in',
      rows.map(({ id }) => id),
    )
    .orderBy('entry.transaction_id')
    .orderBy('entry.line')
    .execute()
  const byTransaction = new Map<string, TransactionResource['entries']>()
  for (const { transaction_id, code, direction, ...entry } of entries) {
    const list = byTransaction.get(transaction_id) ?? []
    list.push({ ...entry, account_code: code, direction: direction as 'debit' | 'credit' })
    byTransaction.set(transaction_id, list)
  }
  return rows.map((row) => ({
    id: row.id,
    book_id: row.book_id,
    status: row.status as TransactionResource['status'],
    effective_at: row.effective_at,
    description: row.description,
    metadata: row.metadata as TransactionResource['metadata'],
    entries: byTransaction.get(row.id) ?? [],
    revision: row.revision,
    created_at: row.created_at,
    updated_at: row.updated_at,
  }))
}
