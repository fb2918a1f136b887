import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { TransactionMetadataAnswer, TransactionResource } from '../../src/queries/resources.ts'
import { openAccounts, openBook, type TestBook, transfer } from '../support/book.ts'
import { type Daybook, daybook } from '../support/daybook.ts'
import { eventsOf } from '../support/log-of-book.ts'

describe('the metadata of a transaction', () => {
  let running: Daybook
  let book: TestBook
  let id: string

  const record = async (metadata: object) => {
    const sent = { ...transfer('equity:capital', 'asset:cash', 5), metadata }
    const answer = await book.post<{ id: string }>('/transactions', sent)
    assert.equal(answer.status, 201, answer.text)
    return answer.data.id
  }
  const change = (metadata: object, headers?: Record<string, string>, which = id) =>
    book.write<TransactionMetadataAnswer>('PATCH', `/transactions/${which}`, { metadata }, headers)
  const get = async () => (await book.get<TransactionResource>(`/transactions/${id}`)).data

  beforeEach(async () => {
    running = await daybook()
    book = await openBook(running.rest)
    await openAccounts(book, ['asset:cash', 'equity:capital'])
    id = await record({ a: '1', b: '2' })
  })

  it('shows what was changed, in the answer and in every read, and nothing else is changed', async () => {
    const before = await get()
    const changed = await change({ a: null, c: '3' })
    assert.equal(changed.status, 200, changed.text)
    const metadata = { b: '2', c: '3' }
    assert.deepEqual(
      { ...changed.data },
      {
        id,
        book_id: book.id,
        metadata,
        updated_at: changed.data.updated_at,
      },
    )
    const after = { ...before, metadata, updated_at: changed.data.updated_at }
    assert.deepEqual(await get(), after)
    assert.deepEqual(await book.list('/transactions'), [after])
    assert.notEqual(after.updated_at, before.updated_at)
  })

  it('may change right after the transaction was recorded, many times', async () => {
    for (let count = 0; count < 20; count++) {
      id = await record({})
      await Promise.all(['a', 'b', 'c'].map((key) => change({ [key]: String(count) })))
    }
    const { metadata } = await get()
    assert.deepEqual(metadata, { a: '19', b: '19', c: '19' })
  })

  it('is kept in the history as it was', async () => {
    await change({ a: '2' })
    await change({ a: '3', b: null })
    const events = await eventsOf(running, book.id)
    assert.deepEqual(
      events.slice(-2).map(({ type, data }) => [type, data]),
      [
        ['TransactionMetadataChanged', { metadata: { a: '2', b: '2' }, transaction: id }],
        ['TransactionMetadataChanged', { metadata: { a: '3' }, transaction: id }],
      ],
    )
  })

  it('is answered to the byte as before when its key comes again', async () => {
    const headers = { 'idempotency-key': randomUUID() }
    const first = await change({ z: '1', a: '9' }, headers)
    await change({ z: null })
    const again = await change({ z: '1', a: '9' }, headers)
    assert.deepEqual([again.status, again.text], [200, first.text])
    assert.equal(again.headers.get('idempotent-replayed'), 'true')
    assert.deepEqual((await get()).metadata, { a: '9', b: '2' })
  })

  it('is refused where there is no such transaction, in this book or at all', async () => {
    const other = await openBook(running.rest)
    for (const which of [randomUUID(), 'none']) {
      const refused = await change({ a: '1' }, {}, which)
      assert.deepEqual([refused.status, refused.error.code], [404, 'transaction_not_found'])
    }
    const path = `/transactions/${id}`
    const refused = await other.write('PATCH', path, { metadata: { a: '1' } })
    assert.deepEqual([refused.status, refused.error.code], [404, 'transaction_not_found'])
  })

  it('is text under up to fifty keys', async () => {
    const many = Object.fromEntries(Array.from({ length: 49 }, (_, index) => [`k${index}`, 'x']))
    const tooMany = await change(many)
    assert.deepEqual([tooMany.status, tooMany.error.code], [422, 'too_much_metadata'])
    assert.equal((await change({ a: null, ...many })).status, 200)
    for (const body of [{ metadata: { a: 1 } }, { metadata: { 'no space': 'x' } }, {}]) {
      const refused = await book.write<unknown>('PATCH', `/transactions/${id}`, body)
      assert.deepEqual([refused.status, refused.error.code], [400, 'invalid_request'])
    }
    const more = { metadata: { a: '1' }, description: 'x' }
    const refused = await book.write<unknown>('PATCH', `/transactions/${id}`, more)
    assert.deepEqual([refused.status, refused.error.code], [400, 'invalid_request'])
  })
})
