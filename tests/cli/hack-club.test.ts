import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import type { Static } from 'typebox'
import type { BookResource, TransactionResource } from '../../src/queries/resources.ts'
import type { TrialBalanceResource } from '../../src/queries/trial-balance.ts'
import { assertLedgersAgree, decimal } from '../support/assert-ledgers-agree.ts'
import { type TestBook, toBook } from '../support/book.ts'
import { daybook, startCommand } from '../support/daybook.ts'
import { exportBook } from '../support/export.ts'
import { revisionOf } from '../support/rest.ts'

const file = new URL('../../../examples/hack-club/balances-at-dates.csv', import.meta.url)

/** What other programs computed, before some dates. */
const expectedBalances = () => {
  const expected = new Map<string, Map<string, bigint>>()
  for (const line of readFileSync(file, 'utf8').trimEnd().split('\n').slice(1)) {
    const [before = '', account = '', , balance = ''] = line.split(',')
    const balances = expected.get(before) ?? new Map<string, bigint>()
    expected.set(before, balances.set(account, cents(balance)))
  }
  return expected
}

const cents = (decimal: string): bigint => BigInt(decimal.replace('.', ''))

describe('the books of Hack Club, imported', function () {
  this.timeout(60_000)

  let book: TestBook
  const example = async () => {
    const { environment, rest, token } = await daybook()
    const more = { DAYBOOK_URL: rest.url, DAYBOOK_TOKEN: token }
    return startCommand(['example', 'hack-club'], { ...environment, ...more }).ended
  }

  before(async () => {
    const { code, stdout, stderr } = await example()
    assert.equal(code, 0, stderr)
    assert.match(stdout, /^Book \S+: 1359 recorded, 0 were there already\.\n$/)
    const { rest } = await daybook()
    const books = await rest.get<BookResource[]>('/v1/books?name=hack-club')
    const { id } = books.data[0] as BookResource
    book = toBook(rest, id, revisionOf(await rest.get(`/v1/books/${id}`)))
  })

  /** Debits above zero. */
  const balancesOn = async (day: string): Promise<Map<string, bigint>> => {
    const path = `/reports/trial-balance?effective_at=${day}`
    const { data } = await book.get<Static<typeof TrialBalanceResource>>(path)
    return new Map(
      data.accounts.map(({ account_code, debit, credit }) => [
        account_code,
        BigInt(debit) - BigInt(credit),
      ]),
    )
  }

  it('hold 1,359 transactions with 2,775 entries, and all their debits', async () => {
    const { data } = await book.get<BookResource>('')
    assert.equal(data.transaction_count, 1_359)
    assert.equal(data.entry_count, 2_775)
    const transactions = await book.list<TransactionResource>('/transactions?limit=200')
    const debits = transactions
      .flatMap(({ entries }) => entries.filter(({ direction }) => direction === 'debit'))
      .reduce((sum, { amount }) => sum + BigInt(amount), 0n)
    assert.equal(debits, 724_308_23n)
  })

  it('have the balances that other programs computed, at three dates', async () => {
    const expected = expectedBalances()
    assert.deepEqual([...expected.keys()], ['2016-01-01', '2017-01-01', '2018-01-01'])
    for (const [before, balances] of expected) {
      const eve = `${Number(before.slice(0, 4)) - 1}-12-31`
      assert.deepEqual(await balancesOn(eve), balances, `before ${before}`)
    }
  })

  it('end with the sums that other programs computed', async () => {
    const sums: Record<string, bigint> = {}
    for (const [code, balance] of await balancesOn('2017-12-31')) {
      const kind = code.split(':')[0] ?? ''
      sums[kind] = (sums[kind] ?? 0n) + balance
    }
    assert.deepEqual(sums, {
      Assets: 6_408_44n,
      Expenses: 283_164_57n,
      Income: -288_936_96n,
      Liabilities: -636_05n,
    })
  })

  it('keep what the comments of the original said', async () => {
    const first = '/transactions?limit=1&sort=created_at'
    const { data } = await book.get<TransactionResource[]>(first)
    assert.equal(data[0]?.description, 'Lyft')
    assert.deepEqual(data[0]?.metadata, { receipt: 'ed8aff48be4b8f18af6c3c1af12ae68f.png' })
  })

  it('have the same balances in hledger and ledger when they are exported', async function () {
    const journal = await exportBook(await daybook(), book, 'hack-club.journal')
    const expected = new Map<string, Map<string, string>>()
    for (const [before, balances] of expectedBalances()) {
      const written = [...balances].map(
        ([code, amount]) => [`${code} USD`, decimal(amount, 2)] as const,
      )
      expected.set(before, new Map(written))
    }
    await assertLedgersAgree(this, journal, expected)
  })

  it('are not changed by importing them again', async () => {
    const { code, stdout } = await example()
    assert.equal(code, 0)
    assert.match(stdout, /: 0 recorded, 1359 were there already\.\n$/)
  })
})
