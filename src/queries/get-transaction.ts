import { refuse } from '../domain/rejection.ts'
import { codesTag } from '../projections/ledger/ledger.ts'
import { isId } from './find-account.ts'
import { query } from './query.ts'
import type { TransactionResource } from './resources.ts'
import { besideTransaction, toTransaction } from './transaction-entries.ts'

export const getTransaction = query<{ transaction: string }, TransactionResource>({
  name: 'transaction',
  tags: (bookId, { transaction }) => [`transaction:${transaction.toLowerCase()}`, codesTag(bookId)],

  run: async (reading, { transaction: id }) => {
    const row = isId(id)
      ? await reading.db
          .selectFrom('transaction')
          .selectAll('transaction')
          .select([...besideTransaction])
          .where('id', '=', id)
          .where('book_id', '=', reading.bookId)
          .executeTakeFirst()
      : undefined
    if (row) return { data: toTransaction(row), meta: {} }
    return refuse('transaction_not_found', `There is no transaction ${id} in this book.`)
  },
})
