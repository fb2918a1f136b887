import assert from 'node:assert/strict'
import type { StatementLine, TransactionResource } from '../../src/queries/resources.ts'
import { openAccounts, openBook, type TestBook, transfer } from '../support/book.ts'
import { daybook } from '../support/daybook.ts'

const dated = (day: number, amount: number) => ({
  ...transfer('equity:capital', 'asset:cash', amount),
  effective_at: `2024-03-${String(day).padStart(2, '0')}`,
})

describe('a list that is followed by its cursor', () => {
  let book: TestBook

  beforeEach(async () => {
    book = await openBook((await daybook()).rest)
    await openAccounts(book, ['asset:cash', 'equity:capital'])
    const days = [11, 3, 7, 19, 5, 13, 17]
    for (const [index, day] of days.entries()) {
      const answer = await book.post('/transactions', dated(day, 10 ** index))
      assert.equal(answer.status, 201, answer.text)
    }
  })

  /** The pages of a list, while something is recorded before, among and after what they show. */
  const pagesMeanwhile = async <Item>(path: string): Promise<Item[]> => {
    const items: Item[] = []
    let cursor: string | null = ''
    for (let page = 0; cursor !== null; page++) {
      const suffix: string = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`
      const { data, meta, status, text } = await book.get<Item[]>(`${path}limit=2${suffix}`)
      assert.equal(status, 200, text)
      items.push(...data)
      cursor = meta.nextCursor
      for (const day of [1, 4, 6, 12, 18, 30]) {
        await book.post('/transactions', dated(day, 1_000_000_000 + page))
      }
    }
    return items
  }

  for (const sort of ['effective_at', '-effective_at']) {
    it(`is one statement, by ${sort}, whatever is recorded meanwhile`, async () => {
      const path = `/accounts/asset:cash/entries?sort=${sort}&`
      const before = await book.get<StatementLine[]>(`${path}limit=200`)
      assert.equal(before.data.length, 7)
      assert.deepEqual(await pagesMeanwhile<StatementLine>(path), before.data)
      const after = await book.get<StatementLine[]>(`${path}limit=200`)
      assert.equal(after.data.length, 7 + 4 * 6)
    })
  }

  for (const sort of ['created_at', '-created_at', 'effective_at', '-effective_at']) {
    it(`shows the transactions of its first page’s time, by ${sort}`, async () => {
      const path = `/transactions?sort=${sort}&`
      const before = await book.get<TransactionResource[]>(`${path}limit=200`)
      assert.equal(before.data.length, 7)
      assert.deepEqual(await pagesMeanwhile<TransactionResource>(path), before.data)
    })
  }
})
