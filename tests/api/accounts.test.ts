import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { AccountAnswer, AccountResource, BookResource } from '../../src/queries/resources.ts'
import { openAccounts, openBook, type TestBook, transfer } from '../support/book.ts'
import { type Daybook, daybook } from '../support/daybook.ts'
import { eventsOf } from '../support/log-of-book.ts'
import type { Answer } from '../support/rest.ts'

const cash = '/accounts/asset:cash'
const key = () => ({ 'idempotency-key': randomUUID() })
const etagOf = ({ headers }: Answer) => headers.get('etag') as string

const isRefused = (answer: Answer, status: number, code: string) =>
  assert.deepEqual([answer.status, answer.error?.code], [status, code], answer.text)

describe('an account, changed', () => {
  let running: Daybook
  let book: TestBook
  let opened: AccountResource

  const change = (body: unknown, headers?: Record<string, string>) =>
    book.write<AccountAnswer>('PATCH', cash, body, headers)
  const get = (path = cash) => book.get<AccountResource>(path)
  const pay = (from: string, to: string, amount: number) =>
    book.post('/transactions', transfer(from, to, amount))

  beforeEach(async () => {
    running = await daybook()
    book = await openBook(running.rest)
    const accounts = await openAccounts(book, ['asset:cash', 'asset:bank', 'equity:capital'])
    opened = accounts[0] as AccountResource
  })

  it('shows what was changed in the answer and in every read, and keeps the rest', async () => {
    const limits = { min_balance: '-5', max_balance: '70' }
    const body = { name: 'Till', code: 'asset:till', ...limits, metadata: { a: '1', b: '2' } }
    const changed = await change(body)
    assert.equal(changed.status, 200, changed.text)
    const { balances, entry_count, revision, created_at, ...definition } = opened
    assert.deepEqual(changed.data, {
      ...definition,
      ...body,
      definition_revision: book.revision,
      updated_at: changed.data.updated_at,
    })
    const shown = await get('/accounts/asset:till')
    assert.deepEqual(shown.data, { ...changed.data, balances, entry_count, revision, created_at })
    const listed = await book.list<AccountResource>('/accounts?code=asset:till')
    assert.deepEqual(listed, [shown.data])
    isRefused(await get(), 404, 'account_not_found')

    const less = { metadata: { a: null, c: '3' }, max_balance: null }
    const again = await book.write<AccountAnswer>('PATCH', '/accounts/asset:till', less)
    assert.deepEqual(
      { ...again.data, definition_revision: 0, updated_at: '' },
      {
        ...changed.data,
        ...less,
        metadata: { b: '2', c: '3' },
        definition_revision: 0,
        updated_at: '',
      },
    )
  })

  it('shows its new code in transactions that were read before under the old one', async () => {
    const paid = await book.post<{ id: string }>(
      '/transactions',
      transfer('asset:cash', 'asset:bank', 1),
    )
    const codes = async () => {
      const { data } = await book.get<{ entries: { account_code: string }[] }>(
        `/transactions/${paid.data.id}`,
      )
      return data.entries.map(({ account_code }) => account_code)
    }
    assert.deepEqual(await codes(), ['asset:cash', 'asset:bank'])
    assert.deepEqual(await codes(), ['asset:cash', 'asset:bank'])
    await change({ code: 'asset:till' })
    assert.deepEqual(await codes(), ['asset:till', 'asset:bank'])
  })

  it('is replaced as a whole', async () => {
    await change({ name: 'Till', min_balance: '-5', metadata: { a: '1' } })
    const body = { code: 'asset:cash', type: 'asset', currency: 'EUR', max_balance: '9' }
    const replaced = await book.write<AccountAnswer>('PUT', cash, body)
    assert.equal(replaced.status, 200, replaced.text)
    const { name, min_balance, max_balance, metadata } = (await get()).data
    assert.deepEqual(
      { name, min_balance, max_balance, metadata },
      { name: 'asset:cash', min_balance: null, max_balance: '9', metadata: {} },
    )
    isRefused(await book.write('PUT', cash, { ...body, type: 'equity' }), 422, 'type_mismatch')
    isRefused(await book.write('PUT', cash, { ...body, currency: 'USD' }), 422, 'currency_mismatch')
    isRefused(await book.write('PUT', cash, { type: 'asset' }), 400, 'invalid_request')
  })

  it('is refused a limit that its balance breaks, unless it is for the future', async () => {
    await pay('equity:capital', 'asset:cash', 50)
    const refused = await change({ min_balance: '60' })
    isRefused(refused, 422, 'balance_too_low')
    assert.match(refused.error.message, /enforce=future/)
    assert.equal((await change({ min_balance: '60', enforce: 'future' })).status, 200)
    isRefused(await pay('asset:cash', 'asset:bank', 1), 422, 'balance_too_low')
    assert.equal((await pay('equity:capital', 'asset:cash', 1)).status, 201)
  })

  it('may have fifty notes, neither at once nor bit by bit one more', async () => {
    const notes = (from: number, count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${from + index}`, 'x']))
    const more = { code: 'asset:more', type: 'asset', currency: 'EUR', metadata: notes(0, 51) }
    isRefused(await book.post('/accounts', more), 400, 'invalid_request')
    assert.equal((await change({ metadata: notes(0, 50) })).status, 200)
    isRefused(await change({ metadata: notes(50, 1) }), 422, 'too_much_metadata')
    assert.equal((await change({ metadata: { k0: null, ...notes(50, 1) } })).status, 200)
    isRefused(await change({ metadata: { k1: 5 } }), 400, 'invalid_request')
    const put = { code: 'asset:cash', metadata: notes(0, 51) }
    isRefused(await book.write('PUT', cash, put), 400, 'invalid_request')
  })

  it('takes no entries while it is frozen', async () => {
    const frozen = await book.write<AccountAnswer>('POST', `${cash}/freeze`, null)
    assert.equal(frozen.status, 200, frozen.text)
    assert.equal(frozen.data.status, 'frozen')
    assert.equal((await get()).data.status, 'frozen')
    assert.equal((await book.list('/accounts?status=frozen')).length, 1)
    isRefused(await pay('equity:capital', 'asset:cash', 1), 422, 'account_frozen')
    isRefused(await book.write('POST', `${cash}/freeze`, null), 422, 'account_frozen')
    const unfrozen = await book.write<AccountAnswer>('POST', `${cash}/unfreeze`, null)
    assert.equal(unfrozen.data.status, 'open')
    assert.equal((await pay('equity:capital', 'asset:cash', 1)).status, 201)
    isRefused(await book.write('POST', `${cash}/unfreeze`, null), 422, 'account_not_frozen')
  })

  it('is closed when it is empty, stays to be read, and leaves its code to others', async () => {
    await pay('equity:capital', 'asset:cash', 5)
    isRefused(await book.write('DELETE', cash, null), 422, 'account_not_empty')
    await pay('asset:cash', 'asset:bank', 5)
    const closed = await book.write('DELETE', cash, null)
    assert.deepEqual([closed.status, closed.text], [204, ''])
    isRefused(await get(), 404, 'account_not_found')
    const { data } = await get(`/accounts/${opened.id}`)
    assert.equal(data.status, 'closed')
    assert.equal(data.deleted_at, data.updated_at)
    assert.equal((await book.list(`/accounts/${opened.id}/entries`)).length, 2)
    assert.equal((await book.get(`/accounts/${opened.id}/balance`)).status, 200)
    const codesOf = async (query: string) =>
      (await book.list<AccountResource>(`/accounts${query}`)).map(({ code }) => code)
    assert.deepEqual(await codesOf(''), ['asset:bank', 'equity:capital'])
    assert.deepEqual(await codesOf('?status=closed'), ['asset:cash'])
    assert.equal((await book.get<BookResource>('')).data.account_count, 2)
    isRefused(await pay(opened.id, 'asset:bank', 5), 422, 'account_closed')
    isRefused(await book.write('DELETE', `/accounts/${opened.id}`, null), 422, 'account_closed')

    const [next] = await openAccounts(book, ['asset:cash'])
    assert.notEqual(next?.id, opened.id)
    assert.equal((await pay('equity:capital', 'asset:cash', 3)).status, 201)
    assert.equal((await get()).data.id, next?.id)
    assert.equal((await get(`/accounts/${opened.id}`)).data.balances.posted, '0')
  })

  it('may swap its code with another at once', async () => {
    await Promise.all([
      change({ code: 'asset:x' }),
      book.write('PATCH', '/accounts/asset:bank', { code: 'asset:cash' }),
      book.write('PATCH', '/accounts/asset:x', { code: 'asset:bank' }),
      pay('equity:capital', 'asset:cash', 4),
    ])
    assert.equal((await get('/accounts/asset:bank')).data.id, opened.id)
    assert.equal((await get()).data.balances.posted, '4')
  })

  describe('with If-Match', () => {
    it('is changed by one of two who read the same version', async () => {
      const { rest } = running
      const other = await running.startApi()
      const etag = etagOf(await get())
      const clients = [rest, other].flatMap((client) => [client, client, client])
      const answers = await Promise.all(
        clients.map((client, index) =>
          client.write(
            'PATCH',
            `${book.path}${cash}`,
            { name: `of ${index}` },
            { 'if-match': etag },
          ),
        ),
      )
      await other.close()
      const won = answers.filter(({ status }) => status === 200)
      assert.equal(won.length, 1)
      for (const answer of answers) {
        if (answer !== won[0]) isRefused(answer, 412, 'version_mismatch')
      }
    })

    it('is changed though its balance was, and not once its definition was', async () => {
      const before = etagOf(await get())
      assert.equal(before, `"${opened.definition_revision}-${opened.revision}"`)
      await pay('equity:capital', 'asset:cash', 5)
      const busy = etagOf(await get())
      assert.notEqual(busy, before)
      const changed = await change({ name: 'a' }, { 'if-match': before })
      assert.equal(changed.status, 200, changed.text)
      isRefused(await change({ name: 'b' }, { 'if-match': busy }), 412, 'version_mismatch')
      const next = await change({ name: 'b' }, { 'if-match': `"no", ${etagOf(changed)}` })
      assert.equal(next.status, 200, next.text)
      assert.equal((await change({ name: 'c' }, { 'if-match': '*' })).status, 200)
    })

    it('is heeded by every change, before anything is done', async () => {
      const headers = { 'if-match': '"99-99"' }
      for (const [method, path, body] of [
        ['PUT', cash, { code: 'asset:cash' }],
        ['PATCH', cash, {}],
        ['DELETE', cash, null],
        ['POST', `${cash}/freeze`, null],
        ['POST', `${cash}/unfreeze`, null],
      ] as const) {
        isRefused(await book.write(method, path, body, headers), 412, 'version_mismatch')
      }
      assert.equal((await get()).data.definition_revision, opened.definition_revision)
    })

    it('matches no weak tag, and refuses what is no tag at all', async () => {
      const etag = etagOf(await get())
      isRefused(await change({}, { 'if-match': `W/${etag}` }), 412, 'version_mismatch')
      for (const malformed of [etag.slice(1, -1), `${etag},`, `${etag} "1-1"`, '""x', "'1-1'"]) {
        const refused = await change({}, { 'if-match': malformed })
        isRefused(refused, 400, 'invalid_request')
        assert.match(refused.error.message, /ETag/)
      }
    })
  })

  it('answers a change that is sent again with its key as it did, to the byte', async () => {
    for (const [method, path, body] of [
      ['PATCH', cash, { name: 'Till', metadata: { a: '1' } }],
      ['PUT', cash, { code: 'asset:cash', name: 'Purse' }],
      ['POST', `${cash}/freeze`, null],
      ['POST', `${cash}/unfreeze`, null],
      ['DELETE', cash, null],
    ] as const) {
      const headers = key()
      const first = await book.write(method, path, body, headers)
      assert.ok(first.status < 300, first.text)
      const before = (await eventsOf(running, book.id)).length
      await book.write('PATCH', '/accounts/asset:bank', { name: randomUUID() })
      const again = await book.write(method, path, body, headers)
      assert.deepEqual([again.status, again.text], [first.status, first.text])
      assert.equal(again.headers.get('idempotent-replayed'), 'true')
      for (const name of ['etag', 'daybook-revision']) {
        assert.equal(again.headers.get(name), first.headers.get(name))
      }
      assert.equal((await eventsOf(running, book.id)).length, before + 1)
    }
  })

  it('takes another If-Match under the same key for another request', async () => {
    const headers = key()
    const etag = etagOf(await get())
    const first = await change({ name: 'a' }, { ...headers, 'if-match': etag })
    assert.equal(first.status, 200)
    const other = { ...headers, 'if-match': etagOf(first) }
    isRefused(await change({ name: 'a' }, other), 422, 'idempotency_key_reused')
  })

  it('is for others not there, and for an analyst only to be read', async () => {
    const { rest } = running
    const password = 'correct horse battery'
    const email = `${randomUUID()}@example.org`
    const user = await rest.post<{ id: string }>('/v1/users', { email, password })
    const login = await rest.post<{ token: string }>('/v1/auth/login', { email, password })
    const headers = { authorization: `Bearer ${login.data.token}` }
    const all = () =>
      Promise.all([
        book.write('PUT', cash, { code: 'asset:cash' }, headers),
        change({ name: 'x' }, headers),
        book.write('POST', `${cash}/freeze`, null, headers),
        book.write('POST', `${cash}/unfreeze`, null, headers),
        book.write('DELETE', cash, null, headers),
      ])
    for (const answer of await all()) isRefused(answer, 404, 'book_not_found')
    await book.write('PUT', `/members/${user.data.id}`, { role: 'analyst' })
    for (const answer of await all()) isRefused(answer, 403, 'forbidden')
    await book.write('PUT', `/members/${user.data.id}`, { role: 'bookkeeper' })
    assert.equal((await change({ name: 'x' }, headers)).status, 200)
  })
})
