import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { openAccounts, openBook, type TestBook, transfer } from '../support/book.ts'
import { type Daybook, daybook } from '../support/daybook.ts'
import type { OpenApi } from '../support/documented.ts'
import { eventsOf } from '../support/log-of-book.ts'
import type { Answer } from '../support/rest.ts'

const pay = (amount: number) => transfer('equity:capital', 'asset:cash', amount)
const account = (code: string) => ({ code, type: 'asset', currency: 'EUR' })

type Write = readonly [method: string, path: string, body: unknown]

describe('a dry run', () => {
  let running: Daybook
  let book: TestBook
  let user: string
  beforeEach(async () => {
    running = await daybook()
    book = await openBook(running.rest)
    await openAccounts(book, ['asset:cash', 'equity:capital', 'asset:ice'])
    await book.write('POST', '/accounts/asset:ice/freeze', null)
    const login = { email: `${randomUUID()}@example.org`, password: 'correct horse battery' }
    user = (await running.rest.post<{ id: string }>('/v1/users', login)).data.id
  })

  /** One of each that would be done, and two that would be refused. */
  const writes = async (): Promise<Write[]> => {
    const other = (await book.post<{ id: string }>('/transactions', pay(1))).data.id
    return [
      ['POST', '/accounts', account('asset:new')],
      ['POST', '/accounts/batch', { accounts: [account('asset:new')] }],
      ['PUT', '/accounts/asset:cash', account('asset:cash')],
      ['PATCH', '/accounts/asset:cash', { name: 'Till' }],
      ['POST', '/accounts/asset:cash/freeze', null],
      ['POST', '/accounts/asset:ice/unfreeze', null],
      ['DELETE', '/accounts/asset:ice', null],
      ['POST', '/transactions', pay(5)],
      ['POST', '/transactions', { ...pay(5), id: other }],
      ['POST', '/transactions/batch', { transactions: [pay(5), pay(0)], atomic: false }],
      ['POST', '/batch', { items: [{ record: pay(5) }, { reverse: { transaction: other } }] }],
      ['POST', '/batch', { items: [{ record: pay(0) }], atomic: false }],
      ['PATCH', `/transactions/${other}`, { metadata: { a: '1' } }],
      ['POST', '/periods/close', { through: '2024-01-31' }],
      ['POST', '/periods/close', { through: '2024-02-29' }],
      ['POST', '/periods/reopen', { through: '2024-01-31' }],
      ['PUT', `/members/${user}`, { role: 'analyst' }],
      ['POST', '/transactions', transfer('asset:none', 'asset:cash', 1)],
    ]
  }

  /** Without what differs from one time to the next. */
  const comparable = ({ status, text }: Answer) => [
    status,
    text.replaceAll(/"(id|[a-z]+_at)":"[^"]+"/g, '"$1":""').replaceAll(/revision":\d+/g, ''),
  ]

  it('answers every write as that is answered, and stores nothing', async () => {
    for (const [method, path, body] of await writes()) {
      const before = (await eventsOf(running, book.id)).length
      const tried = await book.write(method, `${path}?dry_run=true`, body)
      assert.equal(tried.headers.get('daybook-dry-run'), 'true', tried.text)
      assert.equal(tried.headers.get('daybook-revision'), String(before - 1), tried.text)
      for (const name of ['location', 'etag']) assert.equal(tried.headers.get(name), null)
      assert.equal((await eventsOf(running, book.id)).length, before, `${method} ${path}`)
      const done = await book.write(method, `${path}?dry_run=false`, body)
      assert.equal(done.headers.get('daybook-dry-run'), null)
      assert.deepEqual(comparable(tried), comparable(done))
    }
  })

  it('binds no key, and with one that is bound gets what that gets', async () => {
    const headers = { 'idempotency-key': randomUUID() }
    const path = '/transactions'
    assert.equal((await book.post(`${path}?dry_run=true`, pay(5), headers)).status, 201)
    const first = await book.post(path, pay(6), headers)
    assert.equal(first.status, 201, first.text)
    const again = await book.post(`${path}?dry_run=true`, pay(6), headers)
    assert.deepEqual([again.status, again.text], [first.status, first.text])
    assert.equal(again.headers.get('idempotent-replayed'), 'true')
    const other = await book.post(`${path}?dry_run=true`, pay(5), headers)
    assert.equal(other.error.code, 'idempotency_key_reused')
  })

  it('opens no book', async () => {
    const name = randomUUID()
    const tried = await running.rest.post<{ id: string }>('/v1/books?dry_run=true', { name })
    assert.equal(tried.status, 201, tried.text)
    assert.equal(tried.headers.get('daybook-revision'), null)
    assert.deepEqual(await eventsOf(running, tried.data.id), [])
    const { status } = await running.rest.post(`/v1/books/${tried.data.id}/accounts`, account('a'))
    assert.equal(status, 404)
  })

  it('is true or false', async () => {
    const refused = await book.post('/transactions?dry_run=yes', pay(5))
    assert.deepEqual([refused.status, refused.error.code], [400, 'invalid_request'])
    assert.match(refused.error.message, /dry_run.*true, false/)
  })

  it('among other commands of a group is as if it were not there', async () => {
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, index) =>
        book.post(`/transactions?dry_run=${index % 2 === 0}`, pay(1)),
      ),
    )
    for (const { status, text } of answers) assert.equal(status, 201, text)
    const { data } = await book.get<{ balance: string }>('/accounts/asset:cash/balance')
    assert.equal(data.balance, '20')
  })

  it('is documented for every write into a book, and for nothing else', async () => {
    const { text } = await running.rest.get('/openapi.json')
    const { paths } = JSON.parse(text) as OpenApi
    for (const [address, operations] of Object.entries(paths)) {
      for (const [method, { parameters }] of Object.entries(operations)) {
        const isDocumented = parameters.some(({ name }) => name === 'dry_run')
        const isWrite = method !== 'get' && address.startsWith('/v1/books')
        assert.equal(isDocumented, isWrite, `${method} ${address}`)
      }
    }
  })
})
