import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { Static } from 'typebox'
import type { EventResource } from '../../src/api/history.ts'
import { openAccounts, openBook, type TestBook, transfer } from '../support/book.ts'
import { type Daybook, daybook } from '../support/daybook.ts'
import { eventsOf } from '../support/log-of-book.ts'
import { revisionOf } from '../support/rest.ts'

type Event = Static<typeof EventResource>

describe('the events of a book', () => {
  let running: Daybook
  let book: TestBook

  before(async () => {
    running = await daybook()
    book = await openBook(running.rest)
    await openAccounts(book, ['asset:cash', 'equity:capital'])
    for (const amount of [1, 2, 3]) {
      await book.post('/transactions', transfer('equity:capital', 'asset:cash', amount))
    }
  })

  it('are shown as they stand in the event store, from the first one on', async () => {
    const events = await book.list<Event>('/events')
    const stored = await eventsOf(running, book.id)
    assert.deepEqual(
      events.map(({ id, revision, type, data }) => ({ id, revision, type, data })),
      stored.map(({ id, revision, type, data }) => ({ id, revision, type, data })),
    )
    assert.equal(events.length, 5)
    assert.equal(events[0]?.type, 'BookOpened')
    for (const [place, { metadata: shown }] of events.entries()) {
      const { hash, previous_hash, recorded_at, actor } = stored[place]?.metadata ?? {}
      assert.deepEqual(
        [shown.hash, shown.previous_hash, shown.recorded_at, shown.actor],
        [hash, previous_hash, recorded_at, actor],
      )
    }
  })

  it('keep to themselves what recognises a request, and the salt of the leaves', async () => {
    const [event] = await book.list<Event>('/events?cursor=2')
    const shown = Object.keys(event?.metadata ?? {})
    for (const name of ['fingerprint', 'leaf_salt', 'idempotency_key']) {
      assert.ok(!shown.includes(name), name)
    }
  })

  it('come in pages that go on where the one before ended', async () => {
    const whole = await book.list<Event>('/events')
    const { data, meta, headers } = await book.get<Event[]>('/events?limit=2')
    assert.deepEqual(data, whole.slice(0, 2))
    assert.equal(meta.nextCursor, '2')
    assert.equal(meta.total, 5)
    assert.equal(headers.get('daybook-revision'), '4')
    assert.deepEqual(await book.list<Event>('/events?limit=2'), whole)
    assert.deepEqual((await book.get<Event[]>('/events?cursor=99')).data, [])
  })

  it('end a page early where they are large', async () => {
    const large = await openBook(running.rest)
    await openAccounts(large, ['asset:cash', 'equity:capital'])
    const one = { ...transfer('equity:capital', 'asset:cash', 1), description: 'x'.repeat(1_000) }
    const transactions = Array.from({ length: 400 }, () => one)
    const batches = 24
    for (let count = 0; count < batches; count++) {
      const answer = await large.post('/transactions/batch', { transactions })
      assert.equal(answer.status, 201)
    }
    const { data, meta } = await large.get<Event[]>('/events?limit=200')
    assert.ok(data.length < batches, `${data.length} events`)
    assert.equal(meta.nextCursor, String(data.length))
    const all = await large.list<Event>('/events?limit=200')
    assert.deepEqual(
      all.map(({ revision }) => revision),
      Array.from({ length: batches + 2 }, (_, revision) => revision),
    )
  })

  it('of a book that is not there are not there', async () => {
    const answer = await running.rest.get(`/v1/books/${randomUUID()}/events`)
    assert.deepEqual([answer.status, answer.error.code], [404, 'book_not_found'])
  })

  it('show what was written a moment ago, without waiting for the read model', async () => {
    const written = await book.post('/transactions', transfer('equity:capital', 'asset:cash', 9))
    const answer = await running.rest.get<Event[]>(`${book.path}/events?limit=200`)
    assert.equal(answer.data.at(-1)?.revision, revisionOf(written))
  })
})
