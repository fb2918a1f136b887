import Type, { type Static } from 'typebox'
import { refuse } from '../domain/rejection.ts'
import { codesTag } from '../projections/ledger/ledger.ts'
import { isId } from './find-account.ts'
import { query } from './query.ts'
import type { TransactionResource } from './resources.ts'
import { besideTransaction, Expand, toTransaction } from './transaction-entries.ts'

export const GetTransaction = Type.Object({ expand: Expand }, { additionalProperties: false })
type GetTransaction = Static<typeof GetTransaction> & { transaction: string }

export const getTransaction = query<GetTransaction, TransactionResource>({
  name: 'transaction',
  // Names of accounts have no tag of their own, as their codes have.
  tags: (bookId, { transaction, expand }) =>
    expand === undefined
      ? [`transaction:${transaction.toLowerCase()}`, codesTag(bookId)]
      : [`book:${bookId}`],
  isOneStatement: () => true,

  run: async (reading, { transaction: id, expand }) => {
    const row = isId(id)
      ? await reading.db
          .selectFrom('transaction')
          .selectAll('transaction')
          .select([...besideTransaction(expand)])
          .where('id', '=', id)
          .where('book_id', '=', reading.bookId)
          .executeTakeFirst()
      : undefined
    if (row) return { data: toTransaction(row), meta: {} }
    return refuse('transaction_not_found', `There is no transaction ${id} in this book.`)
  },
})
