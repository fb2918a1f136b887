import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import type { AccountResource } from '../../src/queries/resources.ts'
import { openAccounts, openBook, type TestBook, transfer } from '../support/book.ts'
import { daybook } from '../support/daybook.ts'

describe('the list of accounts', () => {
  let book: TestBook
  let opened: AccountResource[]
  const types = ['asset', 'liability', 'equity', 'income', 'expense']

  before(async () => {
    book = await openBook((await daybook()).rest)
    opened = []
    for (let part = 0; part < 3; part++) {
      const accounts = Array.from({ length: 30 }, (_, n) => ({
        code: `${['a', 'B', 'c_', 'C-', 'ab'][n % 5]}:${part}${n}`,
        name: `${['Émile', 'zoo', 'Zoo', 'x y', '7'][(n + part) % 5]}`,
        type: types[n % 5],
        currency: n % 3 === 0 ? 'USD' : 'EUR',
        metadata: { part: String(part), ...(n % 2 === 0 && { even: 'yes' }) },
      }))
      const answer = await book.post<AccountResource[]>('/accounts/batch', { accounts })
      opened.push(...answer.data)
    }
  })

  const codes = (accounts: readonly AccountResource[]) => accounts.map(({ code }) => code).sort()

  const filters: [query: string, keeps: (account: AccountResource) => boolean][] = [
    ['', () => true],
    ['type=asset', ({ type }) => type === 'asset'],
    ['currency=USD', ({ currency }) => currency === 'USD'],
    ['status=open', () => true],
    ['status=closed', () => false],
    ['code=a:00', ({ code }) => code === 'a:00'],
    ['code[prefix]=a', ({ code }) => code.startsWith('a')],
    ['code[prefix]=c_', ({ code }) => code.startsWith('c_')],
    ['code[prefix]=%25', () => false],
    ['metadata[part]=1', ({ metadata }) => metadata['part'] === '1'],
    [
      'metadata[part]=1&metadata[even]=yes&type=income',
      ({ metadata, type }) =>
        metadata['part'] === '1' && metadata['even'] === 'yes' && type === 'income',
    ],
    ['metadata[none]=1', () => false],
    ['created_at[gte]=2999-01-01', () => false],
    ['created_at[lt]=2999-01-01', () => true],
  ]
  for (const [query, keeps] of filters) {
    it(`shows those that are meant by "${query}", once each, by cursor and by page`, async () => {
      const expected = codes(opened.filter(keeps))
      assert.deepEqual(codes(await book.list(`/accounts?limit=7&${query}`)), expected)
      const paged: AccountResource[] = []
      for (let page = 1; ; page++) {
        const { data, meta } = await book.get<AccountResource[]>(
          `/accounts?limit=7&page=${page}&${query}`,
        )
        assert.equal(meta.page, page)
        assert.equal(meta.total, expected.length)
        assert.equal(meta.totalPages, Math.ceil(expected.length / 7))
        paged.push(...data)
        if (meta.nextCursor === null) break
      }
      assert.deepEqual(codes(paged), expected)
    })
  }

  it('splits at the instant at which accounts were opened', async () => {
    const [, second] = [...new Set(opened.map(({ created_at }) => created_at))].sort()
    const at = encodeURIComponent(second ?? '')
    const later = await book.list<AccountResource>(`/accounts?limit=200&created_at[gte]=${at}`)
    const earlier = await book.list<AccountResource>(`/accounts?limit=200&created_at[lt]=${at}`)
    assert.deepEqual(codes(later), codes(opened.filter((one) => one.created_at >= (second ?? ''))))
    assert.deepEqual(codes([...later, ...earlier]), codes(opened))
  })

  for (const column of ['code', 'name', 'created_at'] as const) {
    it(`is sorted by ${column} both ways, character by character wherever it runs`, async () => {
      const up = await book.list<AccountResource>(`/accounts?limit=11&sort=${column}`)
      const down = await book.list<AccountResource>(`/accounts?limit=11&sort=-${column}`)
      const inOrder = [...opened].sort((a, b) => {
        const [x, y] = [a[column], b[column]]
        return Buffer.compare(Buffer.from(x), Buffer.from(y)) || (a.id < b.id ? -1 : 1)
      })
      assert.deepEqual(
        up.map(({ id }) => id),
        inOrder.map(({ id }) => id),
      )
      assert.deepEqual(
        down.map(({ id }) => id),
        inOrder.map(({ id }) => id).reverse(),
      )
    })
  }

  it('goes on where it was though accounts are opened meanwhile', async () => {
    const other = await openBook(book.rest)
    await openAccounts(other, ['asset:b', 'asset:d', 'asset:f', 'asset:h'])
    const first = await other.get<AccountResource[]>('/accounts?limit=2')
    await openAccounts(other, ['asset:a', 'asset:c', 'asset:e', 'asset:g'])
    const cursor = encodeURIComponent(first.meta.nextCursor ?? '')
    const rest = await other.get<AccountResource[]>(`/accounts?limit=9&cursor=${cursor}`)
    assert.deepEqual(codes(first.data), ['asset:b', 'asset:d'])
    assert.deepEqual(codes(rest.data), ['asset:e', 'asset:f', 'asset:g', 'asset:h'])
    assert.equal(rest.meta.nextCursor, null)
  })

  it('takes no cursor of another list, order, filter or book, and none that was tampered with', async () => {
    const { meta } = await book.get<AccountResource[]>('/accounts?limit=2')
    const cursor = meta.nextCursor ?? ''
    const another = await openBook(book.rest)
    for (const path of ['/accounts?sort=-code&', '/accounts?type=asset&', '/transactions?']) {
      const answer = await book.get(`${path}cursor=${cursor}`)
      assert.equal(answer.error?.code, 'invalid_cursor', path)
    }
    assert.equal((await another.get(`/accounts?cursor=${cursor}`)).error?.code, 'invalid_cursor')

    const text = Buffer.from(cursor, 'base64url').toString()
    const place = text.slice(text.indexOf('['))
    const elsewhere = place.replace(/.(?=[^,]*$)/, (one) => (one === 'a' ? 'b' : 'a'))
    const forged = [
      '',
      'AAAA',
      place,
      place.repeat(2),
      text.replace(place, elsewhere),
      `${createHash('sha256').update(place).digest('base64url').slice(0, 22)}${place}`,
      ...Array.from(text, (one, at) => {
        const other = one === 'x' ? 'y' : 'x'
        return `${text.slice(0, at)}${other}${text.slice(at + 1)}`
      }),
    ]
    for (const one of forged) {
      const encoded = encodeURIComponent(Buffer.from(one).toString('base64url'))
      const answer = await book.get(`/accounts?limit=2&cursor=${encoded}`)
      assert.equal(answer.status, 400, one)
      assert.equal(answer.error.code, 'invalid_cursor', one)
    }
  })

  it('tells what is available apart from what is posted', async () => {
    const other = await openBook(book.rest)
    await openAccounts(other, ['asset:cash', 'equity:capital'])
    const inAnHour = new Date(Date.now() + 3_600_000).toISOString()
    const pay = (from: string, to: string, amount: number, more = {}) =>
      other.post('/transactions', { ...transfer(from, to, amount), ...more })
    await pay('equity:capital', 'asset:cash', 100)
    await pay('equity:capital', 'asset:cash', 30, { effective_at: inAnHour })
    await pay('asset:cash', 'equity:capital', 7, { effective_at: inAnHour })
    const { data } = await other.get<AccountResource>('/accounts/asset:cash')
    assert.deepEqual(data.balances, { posted: '123', pending: '0', available: '93' })
    const [listed] = await other.list<AccountResource>('/accounts?code=asset:cash')
    assert.deepEqual(listed, data)
    const now = await other.get<{ balance: string }>(
      `/accounts/asset:cash/balance?effective_at=${new Date().toISOString()}`,
    )
    assert.equal(now.data.balance, '100')
  })

  it('makes an increase available at its time, though nothing else happens', async () => {
    const other = await openBook(book.rest)
    await openAccounts(other, ['asset:cash', 'equity:capital'])
    const soon = new Date(Date.now() + 1_000).toISOString()
    const sent = { ...transfer('equity:capital', 'asset:cash', 5), effective_at: soon }
    const { status } = await other.post('/transactions', sent)
    assert.equal(status, 201)
    for (;;) {
      const { data, headers } = await other.get<AccountResource>('/accounts/asset:cash')
      assert.equal(data.balances.posted, '5')
      const isDue = Date.parse(headers.get('date') ?? '') > Date.parse(soon)
      if (data.balances.available === '5') break
      assert.equal(data.balances.available, '0')
      assert.ok(!isDue, 'the cache shows what was available before')
    }
  })
})
