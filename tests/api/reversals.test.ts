import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { AccountResource, TransactionResource } from '../../src/queries/resources.ts'
import { openAccounts, openBook, openFundedBook, type TestBook, transfer } from '../support/book.ts'
import { type Daybook, daybook } from '../support/daybook.ts'
import { assertShowsItsEvents } from '../support/fold.ts'
import { restClient } from '../support/rest.ts'

describe('a reversal', () => {
  let running: Daybook
  let book: TestBook
  beforeEach(async () => {
    running = await daybook()
    book = await openFundedBook(running.rest, 0)
  })

  const pay = async (amount: number, more: object = {}): Promise<TransactionResource> => {
    const body = { ...transfer('equity:world', 'asset:cash', amount), ...more }
    return (await book.post<TransactionResource>('/transactions', body)).data
  }
  const reverse = (id: string, body: object = {}, headers?: Record<string, string>) =>
    book.post<TransactionResource>(`/transactions/${id}/reverse`, body, headers)
  const shown = async (id: string) =>
    (await book.get<TransactionResource>(`/transactions/${id}`)).data

  it('is a transaction that names what it reverses, and is named by it', async () => {
    const paid = await pay(100, { effective_at: '2024-01-31' })
    assert.equal((await shown(paid.id)).reversed_by, null)
    const body = { effective_at: 'original', description: 'wrong', reference: 'R-1' }
    const answer = await reverse(paid.id, { ...body, metadata: { by: 'ann' } })
    assert.equal(answer.status, 201, answer.text)
    const { data } = answer
    assert.equal(answer.headers.get('location'), `${book.path}/transactions/${data.id}`)
    assert.equal(data.reverses, paid.id)
    assert.equal(data.effective_at, paid.effective_at)
    assert.deepEqual(
      data.entries.map(({ account_id, direction, amount }) => [account_id, direction, amount]),
      paid.entries.map(({ account_id, direction, amount }) => [
        account_id,
        direction === 'debit' ? 'credit' : 'debit',
        amount,
      ]),
    )
    assert.equal((await shown(paid.id)).reversed_by, data.id)
    const read = await shown(data.id)
    assert.deepEqual(
      [read.reverses, read.description, read.reference, read.metadata],
      [paid.id, 'wrong', 'R-1', { by: 'ann' }],
    )
    await assertShowsItsEvents(running, book)
  })

  it('happens once, to what was posted', async () => {
    const paid = await pay(100)
    const answers = await Promise.all([1, 2, 3, 4].map(() => reverse(paid.id)))
    assert.deepEqual(
      answers.map(({ status, error }) => (status === 409 ? error.code : String(status))).sort(),
      ['201', ...Array(3).fill('already_reversed')],
    )
    const hold = await pay(1, { status: 'pending' })
    assert.equal((await reverse(hold.id)).error.code, 'not_posted')
    assert.equal((await reverse(randomUUID())).status, 404)
  })

  it('goes beyond limits for an owner who says so, and for no bookkeeper', async () => {
    const paid = await pay(100)
    await book.post('/transactions', transfer('asset:cash', 'asset:bank', 60))
    const email = `${randomUUID()}@example.com`
    const password = 'the password of a bookkeeper'
    const user = await running.rest.post<{ id: string }>('/v1/users', { email, password })
    await running.rest.write('PUT', `${book.path}/members/${user.data.id}`, { role: 'bookkeeper' })
    const login = await running.rest.post<{ token: string }>('/v1/auth/login', { email, password })
    const bookkeeper = restClient(running.rest.url, login.data.token)
    const path = `${book.path}/transactions/${paid.id}/reverse`
    const refused = await bookkeeper.post(path, {})
    assert.deepEqual([refused.status, refused.error.code], [422, 'balance_too_low'])
    const forced = await bookkeeper.post(path, { force: true })
    assert.deepEqual([forced.status, forced.error.code], [403, 'forbidden'])
    assert.equal((await reverse(paid.id, { force: true })).status, 201)
    const { data } = await book.get<AccountResource>('/accounts/asset:cash')
    assert.equal(data.balances.posted, '-60')
  })

  it('is answered alike under its key', async () => {
    const paid = await pay(100)
    const headers = { 'idempotency-key': randomUUID() }
    const answers = await Promise.all([1, 2, 3].map(() => reverse(paid.id, {}, headers)))
    assert.equal(new Set(answers.map(({ text, status }) => `${status} ${text}`)).size, 1)
    const again = answers.map((one) => one.headers.get('idempotent-replayed'))
    assert.deepEqual(again.filter((one) => one === 'true').length, 2)
  })
})

describe('a guard', () => {
  it('fails the whole transaction, and says how the account is', async () => {
    const running = await daybook()
    const book = await openBook(running.rest)
    const [cash] = await openAccounts(book, ['asset:cash', 'equity:world'])
    const paid = await book.post<TransactionResource>(
      '/transactions',
      transfer('equity:world', 'asset:cash', 100),
    )
    const spend = (guard: object) =>
      book.post('/transactions', {
        entries: [
          { account: 'asset:cash', direction: 'credit', amount: '60', ...guard },
          { account: 'equity:world', direction: 'debit', amount: '60' },
        ],
      })
    const low = await spend({ available_balance: { gte: '50' } })
    assert.deepEqual([low.status, low.error.code], [412, 'guard_failed'])
    const { account, available, path } = low.error.details[0]!
    assert.deepEqual([account, available, path], [cash!.id, '40', '/entries/0/available_balance'])
    const stale = await spend({ account_revision: paid.data.revision - 1 })
    assert.deepEqual([stale.status, stale.error.code], [412, 'guard_failed'])
    assert.equal(stale.error.details[0]!['account_revision'], paid.data.revision)
    assert.equal((await spend({ available_balance: {} })).status, 400)
    const read = await book.get<AccountResource>('/accounts/asset:cash')
    assert.equal((await spend({ account_revision: read.data.revision })).status, 201)
  })
})
