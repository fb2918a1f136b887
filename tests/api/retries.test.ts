import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { AccountResource, BookResource } from '../../src/queries/resources.ts'
import { openAccounts, openBook, type TestBook, transfer } from '../support/book.ts'
import { type Daybook, daybook, logIn, startPart } from '../support/daybook.ts'
import { eventsOf } from '../support/log-of-book.ts'
import { type Answer, type Rest, restClient } from '../support/rest.ts'

const pay = (amount: number) => transfer('equity:capital', 'asset:cash', amount)
const key = () => ({ 'idempotency-key': randomUUID() })

/** The same answer to the byte, and said to be one that was given before. */
const assertReplayed = (again: Answer, first: Answer): void => {
  assert.equal(again.text, first.text)
  assert.equal(again.status, first.status)
  assert.equal(again.headers.get('idempotent-replayed'), 'true')
  for (const name of ['daybook-revision', 'location']) {
    assert.equal(again.headers.get(name), first.headers.get(name))
  }
}

describe('a request that is sent again', () => {
  let running: Daybook
  let book: TestBook
  beforeEach(async () => {
    running = await daybook()
    book = await openBook(running.rest)
    await openAccounts(book, ['asset:cash', 'equity:capital'])
  })

  /** Every kind of write, by path and body. */
  const writes: [what: string, path: string, body: () => object][] = [
    ['a transaction', '/transactions', () => pay(5)],
    ['a transaction with an id', '/transactions', () => ({ ...pay(5), id: randomUUID() })],
    ['an account', '/accounts', () => ({ code: 'asset:new', type: 'asset', currency: 'EUR' })],
    [
      'a batch of accounts',
      '/accounts/batch',
      () => ({ accounts: ['a', 'b'].map((code) => ({ code, type: 'asset', currency: 'EUR' })) }),
    ],
    ['an atomic batch', '/transactions/batch', () => ({ transactions: [pay(1), pay(2)] })],
    [
      'a batch of which each stands for itself',
      '/transactions/batch',
      () => ({ transactions: [pay(1), transfer('asset:none', 'b', 1), pay(2)], atomic: false }),
    ],
    [
      'a batch of which nothing can be taken',
      '/transactions/batch',
      () => ({ transactions: [transfer('asset:none', 'b', 1)], atomic: false }),
    ],
  ]

  for (const [what, action, body] of [
    ['posting a hold', 'post', {}],
    ['posting a part of a hold', 'post', { amount: '2', remainder: 'keep' }],
    ['voiding a hold', 'void', null],
  ] as const) {
    it(`with its key gets the first answer and stores nothing: ${what}`, async () => {
      const hold = { ...pay(5), id: randomUUID(), status: 'pending' }
      await book.post('/transactions', hold)
      const [path, headers] = [`/transactions/${hold.id}/${action}`, key()]
      const send = () => book.post(path, body, headers)
      const answers = await Promise.all(Array.from({ length: 10 }, send))
      const [first] = answers.filter(({ headers }) => !headers.has('idempotent-replayed'))
      assert.ok(first)
      assert.equal(first.status, 200, first.text)
      const events = await eventsOf(running, book.id)
      await book.post(`/transactions/${hold.id}/void`, null)
      for (const answer of [...answers, await send()]) {
        if (answer !== first) assertReplayed(answer, first)
      }
      assert.equal(events.length, 4)
    })
  }

  for (const [what, path, body] of writes) {
    it(`with its key gets the first answer and stores nothing: ${what}`, async () => {
      const [sent, headers] = [body(), key()]
      const first = await book.post(path, sent, headers)
      assert.ok([200, 201].includes(first.status), first.text)
      assert.equal(first.headers.get('idempotent-replayed'), null)
      const events = await eventsOf(running, book.id)
      await book.post('/transactions', pay(7))
      for (let twin = 0; twin < 2; twin++) {
        assertReplayed(await book.post(path, sent, headers), first)
      }
      assert.equal((await eventsOf(running, book.id)).length, events.length + 1)
    })

    it(`twenty times at once is stored once: ${what}`, async () => {
      const [sent, headers] = [body(), key()]
      const before = (await eventsOf(running, book.id)).length
      const answers = await Promise.all(
        Array.from({ length: 20 }, () => book.post(path, sent, headers)),
      )
      const [first] = answers.filter(({ headers }) => !headers.has('idempotent-replayed'))
      assert.ok(first)
      for (const answer of answers) if (answer !== first) assertReplayed(answer, first)
      assert.equal((await eventsOf(running, book.id)).length, before + 1)
    })
  }

  it('may order its fields otherwise', async () => {
    const headers = key()
    const first = await book.post('/transactions', { description: 'x', ...pay(5) }, headers)
    const again = await book.post('/transactions', { ...pay(5), description: 'x' }, headers)
    assertReplayed(again, first)
  })

  it('has its key to itself in each book and on each route', async () => {
    const headers = key()
    const other = await openBook(running.rest)
    await openAccounts(other, ['asset:cash', 'equity:capital'])
    const first = await book.post<{ id: string }>('/transactions', pay(5), headers)
    const elsewhere = await other.post<{ id: string }>('/transactions', pay(5), headers)
    const batch = await book.post('/transactions/batch', { transactions: [pay(5)] }, headers)
    for (const { status, text } of [first, elsewhere, batch]) assert.equal(status, 201, text)
    assert.notEqual(first.data.id, elsewhere.data.id)
  })

  it('opens one book for one key, also twenty times at once', async () => {
    const [headers, body] = [key(), { name: randomUUID() }]
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => running.rest.post<BookResource>('/v1/books', body, headers)),
    )
    const ids = new Set(answers.map(({ data }) => data.id))
    assert.equal(ids.size, 1)
    assert.equal(new Set(answers.map(({ text }) => text)).size, 1)
    assert.equal(answers.filter(({ headers }) => !headers.has('idempotent-replayed')).length, 1)
    const [id = ''] = ids
    assert.equal((await eventsOf(running, id)).length, 1)
    const other = await running.rest.post('/v1/books', { name: 'other' }, headers)
    assert.equal(other.error.code, 'idempotency_key_reused')
  })

  it('without key, but with the id of a transaction, is not stored twice', async () => {
    const sent = { ...pay(5), id: randomUUID(), effective_at: '2024-02-29' }
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => book.post<{ id: string }>('/transactions', sent)),
    )
    assert.equal(answers.filter(({ status }) => status === 201).length, 1)
    for (const { status, data } of answers) {
      assert.ok([200, 201].includes(status))
      assert.equal(data.id, sent.id)
    }
    const account = await book.get<AccountResource>('/accounts/asset:cash')
    assert.equal(account.data.balances.posted, '5')
    assert.equal(account.data.entry_count, 1)
  })

  it('in a batch each for itself tells of every item what became of it', async () => {
    const known = { ...pay(5), id: randomUUID() }
    await book.post('/transactions', known)
    const transactions = [
      pay(1),
      known,
      { ...known, description: 'other' },
      transfer('asset:none', 'asset:cash', 1),
      { ...pay(2), id: randomUUID() },
    ]
    type Results = { results: { index: number; status: string; error?: { code: string } }[] }
    const headers = key()
    const path = '/transactions/batch'
    const first = await book.post<Results>(path, { transactions, atomic: false }, headers)
    assert.equal(first.status, 201)
    assert.deepEqual(
      first.data.results.map(({ index, status, error }) => [index, status, error?.code]),
      [
        [0, 'recorded', undefined],
        [1, 'existing', undefined],
        [2, 'refused', 'transaction_id_taken'],
        [3, 'refused', 'account_not_found'],
        [4, 'recorded', undefined],
      ],
    )
    assert.deepEqual({ ...first.meta }, { recorded: 2, existing: 1, refused: 2 })
    await book.post('/accounts', { code: 'asset:none', type: 'asset', currency: 'EUR' })
    assertReplayed(await book.post(path, { transactions, atomic: false }, headers), first)
  })
})

describe('a request that is sent again to another process', () => {
  it('gets the first answer there too, and after the first process was killed', async () => {
    const { environment, rest } = await daybook()
    const first = await startPart('api', environment)
    const token = await logIn(first.url)
    const client = restClient(first.url, token)
    const book = await openBook(client)
    await openAccounts(book, ['asset:cash', 'equity:capital'])
    const sent = { ...pay(5), description: 'once' }
    const headers = key()
    const answer = await book.post('/transactions', sent, headers)
    const refused = { ...transfer('asset:none', 'asset:cash', 1) }
    const other = key()
    const no = await book.post('/transactions', refused, other)
    assert.equal(no.status, 404)
    const elsewhere = (one: Rest, body: object, keyed: Record<string, string>) =>
      one.post(`${book.path}/transactions`, body, keyed)
    assertReplayed(await elsewhere(rest, sent, headers), answer)
    await first.kill()
    const next = await startPart('api', environment)
    const again = restClient(next.url, token)
    assertReplayed(await elsewhere(again, sent, headers), answer)
    assertReplayed(await elsewhere(again, refused, other), no)
    await next.kill()
  })
})
