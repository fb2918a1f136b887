import assert from 'node:assert/strict'
import type { Static } from 'typebox'
import type { AccountResource, BookResource, StatementLine } from '../../src/queries/resources.ts'
import type { TrialBalanceResource } from '../../src/queries/trial-balance.ts'
import { assertLedgersAgree } from '../support/assert-ledgers-agree.ts'
import { type TestBook, toBook } from '../support/book.ts'
import { type Daybook, freshEnvironment, openDaybook, startCommand } from '../support/daybook.ts'
import { exportBook } from '../support/export.ts'
import { revisionOf } from '../support/rest.ts'
import { postingsFile, readExample } from '../support/treasury.ts'

type TrialBalance = Static<typeof TrialBalanceResource>

describe('the books of the US Treasury, imported', function () {
  this.timeout(120_000)

  let daybook: Daybook
  let book: TestBook
  /** Balances on the evening of each day that the Treasury reported, by account, debits above zero. */
  let evenings: Map<string, Map<string, bigint>>

  before(async () => {
    daybook = await openDaybook(await freshEnvironment())
    const args = ['import', postingsFile, '--book', 'us-treasury', '--currency', 'MUSD:0']
    const { url } = daybook.rest
    const { code, stdout, stderr } = await startCommand(args, {
      ...daybook.environment,
      DAYBOOK_URL: url,
      DAYBOOK_TOKEN: daybook.token,
    }).ended
    assert.equal(code, 0, stderr)
    // A batch whose answer came too late is sent again, and is there already: the sum counts.
    const said = /^Book \S+: (\d+) recorded, (\d+) were there already\.\n$/.exec(stdout)
    assert.equal(Number(said?.[1]) + Number(said?.[2]), 101_548, stdout)
    const books = await daybook.rest.get<BookResource[]>('/v1/books?name=us-treasury')
    const { id } = books.data[0] as BookResource
    const { headers } = await daybook.rest.get(`/v1/books/${id}`)
    book = toBook(daybook.rest, id, Number(headers.get('daybook-revision')))
  })

  after(() => daybook?.close())

  const trialBalance = async (query: string): Promise<TrialBalance> => {
    const answer = await book.get<TrialBalance>(`/reports/trial-balance${query}`)
    assert.equal(answer.status, 200, answer.text)
    return answer.data
  }

  it('hold 101,548 transactions, 203,096 entries and 200 accounts', async () => {
    const { data } = await book.get<BookResource>('')
    assert.equal(data.transaction_count, 101_548)
    assert.equal(data.entry_count, 203_096)
    assert.equal(data.account_count, 200)
    const accounts = await book.list<AccountResource>('/accounts?limit=200')
    assert.equal(accounts.length, 200)
    assert.equal(sum(accounts.map(({ entry_count }) => BigInt(entry_count))), 203_096n)
    const [hot] = accounts.filter(({ code }) => code === 'Assets:FederalReserve')
    assert.equal(hot?.entry_count, 99_219)
  })

  it('have the balances that other programs computed, at nine dates', async () => {
    const expected = new Map<string, Map<string, bigint>>()
    for (const [before = '', account = '', , balance = ''] of readExample(
      'balances-at-dates.csv.gz',
    )) {
      const at = expected.get(before) ?? new Map<string, bigint>()
      expected.set(before, at.set(account, BigInt(balance)))
    }
    assert.equal(sum([...expected.values()].map(({ size }) => BigInt(size))), 1_544n)
    for (const [before, balances] of expected) {
      const found = balancesOf(await trialBalance(`?effective_at=${dayBefore(before)}`))
      assert.deepEqual(sorted(found), sorted(balances), `before ${before}`)
    }
  })

  it('balance on every day that the Treasury reported', async () => {
    const days = [...new Set(readExample('closing-balances.csv.gz').map(([date = '']) => date))]
    assert.equal(days.length, 1_917)
    evenings = new Map()
    await inParallel(8, days, async (day) => {
      const found = await trialBalance(`?effective_at=${day}`)
      evenings.set(day, balancesOf(found))
      const [total] = found.totals
      assert.equal(found.totals.length, 1)
      assert.equal(total?.debit, total?.credit, day)
      assert.equal(sum(balancesOf(found).values()), 0n, day)
    })
  })

  it('close every day with what the Treasury published', () => {
    const differences = new Map<bigint, number>()
    let checked = 0
    for (const [day = '', name = '', , close = ''] of readExample('closing-balances.csv.gz')) {
      const balances = evenings.get(day)
      assert.ok(balances, day)
      if (name === 'TOTAL') {
        const assets = [...balances].filter(([code]) => code.startsWith('Assets:'))
        const difference = BigInt(close) - sum(assets.map(([, balance]) => balance))
        const size = difference < 0n ? -difference : difference
        differences.set(size, (differences.get(size) ?? 0) + 1)
      } else {
        assert.equal(balances.get(`Assets:${name}`) ?? 0n, BigInt(close), `${name} on ${day}`)
        checked++
      }
    }
    assert.equal(checked, 1_917 + 1_837 + 1_094 + 463 + 80)
    // The Treasury rounds its total for itself.
    assert.deepEqual(sorted(differences), [
      [0n, 1_453],
      [1n, 464],
    ])
  })

  it('run through the published balances in the statement of an account', async () => {
    for (const name of ['FinancialInstitution', 'SupplementaryFinancing']) {
      const code = `Assets:${name}`
      const lines = await book.list<StatementLine>(`/accounts/${code}/entries?limit=200`)
      const closing = new Map<string, string>()
      for (const { effective_at, running_balance } of lines) {
        closing.set(effective_at.slice(0, 10), running_balance)
      }
      assert.ok(lines.length > 10)
      let last = '0'
      const published = readExample('closing-balances.csv.gz').filter((row) => row[1] === name)
      for (const [day = '', , , close] of published) {
        last = closing.get(day) ?? last
        assert.equal(last, close, `${code} on ${day}`)
      }
    }
  })

  it('end with the sums that other programs computed', async () => {
    const balances = balancesOf(await trialBalance(''))
    const of = (prefix: string) =>
      sum([...balances].filter(([code]) => code.startsWith(prefix)).map(([, balance]) => balance))
    assert.equal(balances.get('Assets:FederalReserve'), 75_456n)
    assert.equal(balances.get('Equity:Opening'), -8_035n)
    assert.equal(balances.get('Equity:Rounding'), -115n)
    assert.equal(balances.get('Equity:Unreported'), -8_495n)
    assert.equal(of('Income:'), -74_690_667n)
    assert.equal(of('Expenses:'), 74_631_856n)
    assert.equal(sum(balances.values()), 0n)
  })

  it('are empty before the first day, and the same on every day after the last', async () => {
    const before = await trialBalance('?effective_at=2005-06-08')
    assert.deepEqual(before.accounts, [])
    assert.deepEqual(before.totals, [])
    const last = await trialBalance('')
    for (const day of ['2013-02-01', '2099-12-31', '2013-02-01T00:00:00.001Z']) {
      const later = await trialBalance(`?effective_at=${day}`)
      assert.deepEqual(later, { ...last, effective_at: day })
    }
  })

  it('have the same balances in hledger and ledger when they are exported', async function () {
    const journal = await exportBook(daybook, book, 'treasury.journal')
    const expected = new Map<string, Map<string, string>>()
    for (const before of ['2007-01-01', '2009-01-01', '2013-02-02']) {
      const balances = balancesOf(await trialBalance(`?effective_at=${dayBefore(before)}`))
      const written = [...balances].map(
        ([code, amount]) => [`${code} MUSD`, String(amount)] as const,
      )
      expected.set(before, new Map(written))
    }
    await assertLedgersAgree(this, journal, expected)
  })

  it('are not changed by importing them again', async () => {
    const { revision } = book
    const accounts = await book.list<AccountResource>('/accounts?limit=200')
    const args = ['import', postingsFile, '--book', 'us-treasury', '--currency', 'MUSD:0']
    const { url } = daybook.rest
    const environment = { ...daybook.environment, DAYBOOK_URL: url, DAYBOOK_TOKEN: daybook.token }
    const { code, stdout, stderr } = await startCommand(args, environment).ended
    assert.equal(code, 0, stderr)
    assert.match(stdout, /: 0 recorded, 101548 were there already\.\n$/)
    assert.equal(revisionOf(await book.get('')), revision)
    assert.deepEqual(await book.list<AccountResource>('/accounts?limit=200'), accounts)
  })
})

const sum = (values: Iterable<bigint>): bigint => {
  let total = 0n
  for (const value of values) total += value
  return total
}

const sorted = <Key, Value>(map: ReadonlyMap<Key, Value>): [Key, Value][] =>
  [...map].sort(([a], [b]) => (a < b ? -1 : 1))

const balancesOf = ({ accounts }: TrialBalance): Map<string, bigint> =>
  new Map(
    accounts.map(({ account_code, debit, credit }) => [
      account_code,
      BigInt(debit) - BigInt(credit),
    ]),
  )

const dayBefore = (day: string): string =>
  new Date(Date.parse(day) - 86_400_000).toISOString().slice(0, 10)

const inParallel = async <Item>(
  count: number,
  items: readonly Item[],
  work: (item: Item) => Promise<void>,
): Promise<void> => {
  const waiting = [...items]
  const next = async (): Promise<void> => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await work(item)
  }
  await Promise.all(Array.from({ length: count }, next))
}
