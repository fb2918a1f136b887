// npm run build && node --test examples/projections/
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { rowsGiven } from '../../dist/src/runtime/projections/given-events.js'

const file = fileURLToPath(new URL('turnover.mjs', import.meta.url))
const book = '0190163d-8694-739b-aea5-966c26f8ad91'

/** What `apply` looks at of an event; it may have the rest as well. */
const recorded = (revision, ...transactions) => ({
  type: 'TransactionsRecorded',
  revision,
  metadata: { recorded_at: `2024-06-0${revision}T12:00:00.000Z` },
  data: { transactions },
})
const sale = (counterparty, day, amount, status = 'posted') => ({
  status,
  metadata: counterparty === null ? {} : { counterparty },
  effective_at: `${day}T00:00:00.000Z`,
  entries: [
    { direction: 'debit', currency: 'EUR', amount },
    { direction: 'credit', currency: 'EUR', amount },
  ],
})
const turnovers = async (...events) => {
  const { turnover } = await rowsGiven(file, events, book)
  return turnover.map((row) => [row.counterparty, row.month, row.amount, row.transaction_count])
}

test('a month has what was debited in it, by counterparty', async () => {
  const first = recorded(1, sale('Ada', '2024-05-01', '7'), sale('Böll', '2024-05-31', '5'))
  const second = recorded(2, sale('Ada', '2024-05-02', '30'), sale('Ada', '2024-06-01', '1'))
  assert.deepEqual(await turnovers(first, second), [
    ['Ada', '2024-05', 37n, 2],
    ['Böll', '2024-05', 5n, 1],
    ['Ada', '2024-06', 1n, 1],
  ])
})

test('holds, and what names nobody, are left out', async () => {
  const event = recorded(1, sale(null, '2024-05-01', '7'), sale('Ada', '2024-05-01', '7', 'pending'))
  assert.deepEqual(await turnovers(event, { type: 'BookOpened', revision: 0 }), [])
})
