import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { StatementLine, TransactionResource } from '../../src/queries/resources.ts'
import { openAccounts, openBook, type TestBook, transfer } from '../support/book.ts'
import { type Daybook, daybook } from '../support/daybook.ts'
import {
  assertShowsItsEvents,
  type Folded,
  type FoldedLine,
  statementOf,
  toFoldedLine,
} from '../support/fold.ts'

const day = 86_400_000

describe('a statement of entries that came in no order', function () {
  this.timeout(60_000)

  let running: Daybook
  let book: TestBook
  let account: string
  let folded: Folded
  let expected: FoldedLine[]

  before(async () => {
    running = await daybook()
    book = await openBook(running.rest)
    const codes = ['asset:cash', 'income:sales', 'expense:rent', 'liability:card']
    const [cash] = await openAccounts(book, codes)
    account = cash?.id ?? ''
    // In the past and to come, some on one instant, some as days, alone and in batches.
    const [plan = []] = fc.sample(
      fc.array(
        fc.array(
          fc.record({
            from: fc.constantFrom(...codes),
            to: fc.constantFrom(...codes),
            amount: fc.integer({ min: 1, max: 1_000_000 }),
            days: fc.oneof(
              { weight: 2, arbitrary: fc.constant(null) },
              { weight: 5, arbitrary: fc.integer({ min: -60, max: 30 }) },
            ),
            isDay: fc.boolean(),
          }),
          { minLength: 1, maxLength: 4 },
        ),
        { minLength: 90, maxLength: 90 },
      ),
      { numRuns: 1, seed: 7 },
    )
    for (const group of plan) {
      const transactions = group
        .filter(({ from, to }) => from !== to)
        .map(({ from, to, amount, days, isDay }) => {
          const at = days === null ? null : new Date(Date.now() + days * day).toISOString()
          const date = isDay ? at?.slice(0, 10) : at
          return { ...transfer(from, to, amount), ...(date && { effective_at: date }) }
        })
      if (transactions.length === 0) continue
      const answer = await book.post('/transactions/batch', { transactions })
      assert.equal(answer.status, 201, answer.text)
    }
    folded = await assertShowsItsEvents(running, book)
    expected = statementOf(folded, account)
  })

  const lines = (shown: readonly StatementLine[]) => shown.map(toFoldedLine(account))

  it('is long enough, and neither in order nor only in the past', () => {
    assert.ok(expected.length > 40, `${expected.length} lines`)
    const revisions = expected.map(({ revision }) => revision)
    assert.notDeepEqual(
      revisions,
      [...revisions].sort((a, b) => a - b),
    )
    assert.ok(Date.parse(expected.at(-1)?.effective_at ?? '') > Date.now())
  })

  for (const limit of [1, 7, 200]) {
    it(`runs as it should, both ways, ${limit} lines at a time`, async () => {
      const path = `/accounts/asset:cash/entries?limit=${limit}`
      assert.deepEqual(lines(await book.list(path)), expected)
      const down = lines(await book.list(`${path}&sort=-effective_at`))
      assert.deepEqual(down.reverse(), expected)
    })
  }

  it('runs as it should page by page', async () => {
    const found: StatementLine[] = []
    for (let page = 1; found.length < expected.length; page++) {
      const { data, meta } = await book.get<StatementLine[]>(
        `/accounts/${account}/entries?limit=9&page=${page}&sort=-effective_at`,
      )
      assert.equal(meta.total, expected.length)
      assert.ok(data.length > 0)
      found.push(...data)
    }
    assert.deepEqual(lines(found).reverse(), expected)
  })

  it('shows a part of itself with the balances of the whole', async () => {
    const at = (share: number) => expected[Math.floor(expected.length * share)]?.effective_at ?? ''
    const [from, to] = [at(0.25), at(0.75)]
    const path = `/accounts/${account}/entries?effective_at[gte]=${from}&effective_at[lt]=${to}`
    const part = expected.filter((line) => line.effective_at >= from && line.effective_at < to)
    assert.ok(part.length > 10)
    assert.deepEqual(lines(await book.list(`${path}&limit=5`)), part)
    assert.deepEqual(lines(await book.list(`${path}&limit=5&sort=-effective_at`)).reverse(), part)
  })

  it('ends each day with what the balance of that day is', async () => {
    for (const at of new Set(expected.map(({ effective_at }) => effective_at))) {
      const until = expected.filter(({ effective_at }) => effective_at <= at)
      const { data } = await book.get<{ balance: string }>(
        `/accounts/${account}/balance?effective_at=${at}`,
      )
      assert.equal(data.balance, until.at(-1)?.running_balance, at)
    }
  })

  it('has its transactions in the list of transactions, in every order', async () => {
    const orders: [sort: string, inOrder: Folded['transactions']][] = [
      ['created_at', folded.transactions],
      [
        'effective_at',
        [...folded.transactions].sort(
          (a, b) => Date.parse(a.effective_at) - Date.parse(b.effective_at),
        ),
      ],
    ]
    for (const [sort, inOrder] of orders) {
      const ids = inOrder.map(({ id }) => id)
      const list = async (query: string) =>
        (await book.list<TransactionResource>(`/transactions?limit=13&${query}`)).map(
          ({ id }) => id,
        )
      assert.deepEqual(await list(`sort=${sort}`), ids)
      assert.deepEqual(await list(`sort=-${sort}`), [...ids].reverse())
      const own = new Set(expected.map(({ transaction_id }) => transaction_id))
      assert.deepEqual(
        await list(`sort=${sort}&account=asset:cash`),
        ids.filter((id) => own.has(id)),
      )
      const from = expected[20]?.effective_at ?? ''
      assert.deepEqual(
        await list(`sort=${sort}&effective_at[gte]=${from}`),
        inOrder.filter(({ effective_at }) => effective_at >= from).map(({ id }) => id),
      )
    }
  })
})

describe('the days of a book', () => {
  const zones: [zone: string, day: string, first: string, next: string][] = [
    ['UTC', '2024-02-29', '2024-02-29T00:00:00.000Z', '2024-03-01T00:00:00.000Z'],
    ['America/New_York', '2024-03-10', '2024-03-10T05:00:00.000Z', '2024-03-11T04:00:00.000Z'],
    ['America/New_York', '2024-11-03', '2024-11-03T04:00:00.000Z', '2024-11-04T05:00:00.000Z'],
    ['Australia/Lord_Howe', '2024-04-07', '2024-04-06T13:00:00.000Z', '2024-04-07T13:30:00.000Z'],
    ['America/Sao_Paulo', '2018-11-04', '2018-11-04T03:00:00.000Z', '2018-11-05T02:00:00.000Z'],
    ['Pacific/Apia', '2011-12-29', '2011-12-29T10:00:00.000Z', '2011-12-30T10:00:00.000Z'],
    ['Asia/Tokyo', '0001-01-03', '0001-01-02T14:41:01.000Z', '0001-01-03T14:41:01.000Z'],
    ['America/New_York', '9999-12-28', '9999-12-28T05:00:00.000Z', '9999-12-29T05:00:00.000Z'],
  ]

  for (const [time_zone, date, first, next] of zones) {
    it(`last from their first to their last instant: ${date} in ${time_zone}`, async () => {
      const book = await openBook((await daybook()).rest, { time_zone })
      await openAccounts(book, ['asset:cash', 'equity:capital'])
      const at = (instant: string, shift = 0) => new Date(Date.parse(instant) + shift).toISOString()
      const pay = async (amount: number, effective_at: string) => {
        const sent = { ...transfer('equity:capital', 'asset:cash', amount), effective_at }
        const answer = await book.post<TransactionResource>('/transactions', sent)
        assert.equal(answer.status, 201, answer.text)
        return answer.data.effective_at
      }
      assert.equal(await pay(1, date), first)
      await pay(10, at(first, -1))
      await pay(100, at(next, -1))
      await pay(1000, next)
      const balance = async (effective_at: string) =>
        (
          await book.get<{ balance: string }>(
            `/accounts/asset:cash/balance?effective_at=${effective_at}`,
          )
        ).data.balance
      assert.equal(await balance(date), '111')
      assert.equal(await balance(at(first, -1)), '10')
      assert.equal(await balance(first), '11')
      assert.equal(await balance(at(next, -1)), '111')
      assert.equal(await balance(next), '1111')
      const trial = await book.get<{ totals: { debit: string }[] }>(
        `/reports/trial-balance?effective_at=${date}`,
      )
      assert.equal(trial.data.totals[0]?.debit, '111')
      const entries = await book.list<StatementLine>(
        `/accounts/asset:cash/entries?effective_at[gte]=${date}`,
      )
      assert.deepEqual(
        entries.map(({ amount }) => amount),
        ['1', '100', '1000'],
      )
    })
  }
})
