/**
 * Monthly turnover per counterparty: what was debited in transactions whose metadata named a
 * `counterparty` when they were recorded, by month and currency. Holds are left out.
 *
 *   DAYBOOK_PROJECTIONS=examples/projections/turnover.mjs npm start
 *
 * docs/projections.md goes through it.
 */
export default ({ projection, is }) =>
  projection({
    name: 'turnover',
    version: 1,

    tables: {
      turnover: {
        columns: {
          book_id: is('uuid'),
          counterparty: is('text'),
          month: is('text'),
          currency: is('text'),
          amount: is('numeric(38,0)'),
          transaction_count: is('int8'),
          updated_at: is('timestamptz'),
        },
        primaryKey: ['book_id', 'counterparty', 'month', 'currency'],
        indexes: [{ columns: ['book_id', 'month', 'amount'] }],
        foreignKeys: {},
      },
    },

    invariants: {
      'A turnover is above zero': 'select * from turnover where amount <= 0',
    },

    needs: (event, bookId) => ({
      turnover: debitsOf(event).map(({ key }) => [bookId, ...key]),
    }),

    apply: (event, rows, bookId) => {
      for (const { key, amount } of debitsOf(event)) {
        const [counterparty, month, currency] = key
        const before = rows.find('turnover', [bookId, ...key])
        rows.put('turnover', {
          book_id: bookId,
          counterparty,
          month,
          currency,
          amount: (before?.amount ?? 0n) + amount,
          transaction_count: (before?.transaction_count ?? 0) + 1,
          updated_at: event.metadata.recorded_at,
        })
      }
    },
  })

/** What each transaction of the event adds, and to which row. */
const debitsOf = ({ type, data }) => {
  const found = []
  if (type !== 'TransactionsRecorded') return found
  for (const { status, metadata, effective_at, entries } of data.transactions) {
    const { counterparty } = metadata
    if (status !== 'posted' || counterparty === undefined) continue
    const sums = new Map()
    for (const { direction, currency, amount } of entries) {
      if (direction !== 'debit') continue
      sums.set(currency, (sums.get(currency) ?? 0n) + BigInt(amount))
    }
    const month = effective_at.slice(0, 7)
    for (const [currency, amount] of sums) {
      found.push({ key: [counterparty, month, currency], amount })
    }
  }
  return found
}
