import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import type {
  AccountResource,
  StatementLine,
  TransactionResource,
} from '../../src/queries/resources.ts'
import { openAccounts, openBook, type TestBook, transfer } from '../support/book.ts'
import { daybook } from '../support/daybook.ts'
import { randomOf } from '../support/random.ts'

const codes = ['asset:cash', 'asset:bank', 'income:sales', 'expense:rent']
const at = (path: string, filters: Readonly<Record<string, string>>): string =>
  `${path}?limit=7&${new URLSearchParams(filters).toString()}`

describe('the list of transactions', () => {
  let book: TestBook
  let accounts: AccountResource[]
  let all: TransactionResource[]

  before(async () => {
    book = await openBook((await daybook()).rest)
    accounts = await openAccounts(book, codes)
    const { pick, between } = randomOf(5)
    for (let batch = 0; batch < 8; batch++) {
      const transactions = Array.from({ length: 9 }, (_, n) => {
        const from = pick(codes)
        const to = pick(codes.filter((code) => code !== from))
        const metadata = { batch: String(batch), 'shop.id': pick(['a', 'b "c"', 'd\\']) }
        return {
          ...transfer(from, to, between(1, 99)),
          effective_at: `2024-0${between(1, 3)}-1${between(0, 9)}`,
          reference: `${batch}-${n}`,
          ...(n % 3 > 0 && { metadata }),
          ...(n % 4 === 0 && { status: 'pending' }),
        }
      })
      const { status, text } = await book.post('/transactions/batch', { transactions })
      assert.equal(status, 201, text)
      const [held] = await book.list<TransactionResource>('/transactions?status=pending&limit=200')
      await book.post(`/transactions/${held?.id}/${batch % 2 === 0 ? 'void' : 'post'}`, {})
    }
    all = await book.list('/transactions?limit=200')
    assert.equal(all.length, 72)
  })

  const ids = (some: readonly TransactionResource[]) => some.map(({ id }) => id).sort()
  const names = (code: string) => (one: TransactionResource) =>
    one.entries.some((entry) => entry.account_code === code)
  type Keeps = (one: TransactionResource) => boolean
  const filters: [Readonly<Record<string, string>>, Keeps][] = [
    [{ status: 'posted' }, ({ status }) => status === 'posted'],
    [{ status: 'pending' }, ({ status }) => status === 'pending'],
    [{ status: 'voided' }, ({ status }) => status === 'voided'],
    [{ status: 'expired' }, () => false],
    [{ account: 'asset:cash' }, names('asset:cash')],
    [{ reference: '3-4' }, ({ reference }) => reference === '3-4'],
    [{ 'metadata[batch]': '3' }, ({ metadata }) => metadata['batch'] === '3'],
    [{ 'metadata[shop.id]': 'b "c"' }, ({ metadata }) => metadata['shop.id'] === 'b "c"'],
    [{ 'metadata[shop.id]': 'd\\' }, ({ metadata }) => metadata['shop.id'] === 'd\\'],
    [{ 'metadata[none]': '' }, () => false],
    [{ 'created_at[gte]': '2999-01-01' }, () => false],
    [{ 'created_at[lt]': '2999-01-01' }, () => true],
    [
      { 'metadata[batch]': '3', 'metadata[shop.id]': 'a', status: 'posted', account: 'asset:bank' },
      (one) =>
        one.metadata['batch'] === '3' &&
        one.metadata['shop.id'] === 'a' &&
        one.status === 'posted' &&
        names('asset:bank')(one),
    ],
    [
      { 'effective_at[gte]': '2024-02-01', 'effective_at[lt]': '2024-03-01' },
      ({ effective_at }) => effective_at.startsWith('2024-02'),
    ],
  ]
  for (const [query, keeps] of filters) {
    it(`shows those that are meant by ${JSON.stringify(query)}, by cursor and by page`, async () => {
      const expected = ids(all.filter(keeps))
      for (const sort of ['created_at', '-effective_at']) {
        const path = at('/transactions', { ...query, sort })
        assert.deepEqual(ids(await book.list(path)), expected)
        const { data, meta } = await book.get<TransactionResource[]>(`${path}&page=1`)
        assert.deepEqual([data.length, meta.total], [Math.min(7, expected.length), expected.length])
      }
    })
  }

  it('splits at every instant at which transactions were recorded', async () => {
    const instants = [...new Set(all.map(({ created_at }) => created_at))]
    assert.ok(instants.length > 3)
    for (const instant of instants) {
      const list = (operator: string) =>
        book.list<TransactionResource>(
          at('/transactions', { [`created_at[${operator}]`]: instant }),
        )
      const since = all.filter(({ created_at }) => created_at >= instant)
      const before = all.filter(({ created_at }) => created_at < instant)
      assert.deepEqual(ids(await list('gte')), ids(since))
      assert.deepEqual(ids(await list('lt')), ids(before))
    }
  })

  it('binds a cursor to the filters, and not to what is expanded', async () => {
    const path = at('/transactions', { 'metadata[shop.id]': 'a' })
    const { nextCursor } = (await book.get(path)).meta
    const cursor = encodeURIComponent(nextCursor ?? '')
    assert.equal((await book.get(`${path}&expand=account&cursor=${cursor}`)).status, 200)
    const other = at('/transactions', { 'metadata[shop.id]': 'b "c"' })
    assert.equal((await book.get(`${other}&cursor=${cursor}`)).error.code, 'invalid_cursor')
  })

  const wrong: Readonly<Record<string, readonly [code: string, message: RegExp]>> = {
    'expand=accounts': ['invalid_request', /\/expand: must be "account"/],
    'metadata[a b]=1': ['invalid_request', /metadata\[a b\]: A key of metadata has 1 to 64 of/],
    'metadata[a]=%00': ['invalid_request', /holds the character U\+0000/],
    'created_at[gt]=2024-01-01': ['unknown_parameter', /created_at\[gt\] is not a parameter/],
    'created_at[gte]=soon': ['invalid_request', /must be a date \(2024-02-29\) or an instant/],
    'amount=1': ['unknown_parameter', /amount is not a parameter/],
  }
  for (const [query, [code, message]] of Object.entries(wrong)) {
    it(`refuses ${query} and says why`, async () => {
      const { status, error } = await book.get(`/transactions?${query}`)
      assert.deepEqual([status, error.code], [400, code])
      assert.match(error.message, message)
    })
  }

  it('shows the account in each entry where that is asked for, of holds too', async () => {
    const byId = new Map(accounts.map(({ id, code, name, type }) => [id, { id, code, name, type }]))
    const expanded = await book.list<TransactionResource>('/transactions?expand=account')
    const plain = all.map((one) => ({
      ...one,
      entries: one.entries.map((entry) => ({ ...entry, account: byId.get(entry.account_id) })),
    }))
    assert.deepEqual(expanded, plain)
    const [one] = plain
    const single = await book.get<TransactionResource>(`/transactions/${one?.id}?expand=account`)
    assert.deepEqual(single.data, one)
  })

  it('shows account and transaction in each line of a statement where that is asked for', async () => {
    const path = '/accounts/asset:cash/entries?limit=9'
    const expanded = await book.list<StatementLine>(`${path}&expand=account,transaction`)
    const { id, code, name, type } = accounts[0] as AccountResource
    const byId = new Map(all.map((one) => [one.id, one]))
    const plain = (await book.list<StatementLine>(path)).map((line) => {
      const of = byId.get(line.transaction_id) as TransactionResource
      const { status, reference, reverses, metadata } = of
      const transaction = { id: of.id, status, reference, reverses, metadata }
      return { ...line, account: { id, code, name, type }, transaction }
    })
    assert.ok(plain.length > 9)
    assert.deepEqual(expanded, plain)
  })

  it('shows what is expanded as it is now, through the cache too', async () => {
    const own = await openBook((await daybook()).rest)
    const [cash] = await openAccounts(own, ['asset:cash', 'income:sales'])
    const recorded = transfer('income:sales', 'asset:cash', 5)
    const { data } = await own.post<TransactionResource>('/transactions', recorded)
    const expanded = async () => {
      const { path, rest } = own
      const { data: one } = await rest.get<TransactionResource>(
        `${path}/transactions/${data.id}?expand=account`,
      )
      const { data: lines } = await rest.get<StatementLine[]>(
        `${path}/accounts/${cash?.id}/entries?expand=account,transaction`,
      )
      const [line] = lines
      const entry = one.entries.find(({ account_id }) => account_id === cash?.id)
      return [entry?.account?.name, line?.account?.name, line?.transaction?.metadata]
    }
    await own.get(`/transactions/${data.id}`)
    const shows = async (...expected: unknown[]) => {
      while (!isDeepStrictEqual(await expanded(), expected)) await sleep(20)
      // Often enough for the answers to be kept once the tags of what was recorded are raised.
      for (let times = 0; times < 5; times++) {
        await sleep(20)
        assert.deepEqual(await expanded(), expected)
      }
    }
    await shows(cash?.name, cash?.name, {})
    await own.write('PATCH', `/transactions/${data.id}`, { metadata: { paid: 'yes' } })
    await shows(cash?.name, cash?.name, { paid: 'yes' })
    await own.write('PATCH', '/accounts/asset:cash', { name: 'Till' })
    await shows('Till', 'Till', { paid: 'yes' })
    // What nothing takes back is kept for 48 seconds at least.
  }).timeout(30_000)
})
