import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { ANY, EventStoreDBClient, jsonEvent } from '@eventstore/db-client'
import { openAccounts, openBook, type TestBook, transfer } from '../support/book.ts'
import { breaks, type Daybook, daybook, startCommand } from '../support/daybook.ts'
import { eventsOf } from '../support/log-of-book.ts'
import { type Answer, restClient } from '../support/rest.ts'

type Integrity = {
  status: string
  checked: { events: number; transactions: number }
  through: { revision: number; hash: string }
  head_revision: number
  broken: { revision: number; event_id: string; why: string } | null
}

describe('the integrity of a book', () => {
  let running: Daybook
  let book: TestBook
  let client: EventStoreDBClient

  before(async () => {
    running = await daybook()
    client = EventStoreDBClient.connectionString(running.environment['EVENTSTORE_URL'] as string)
  })
  after(() => client.dispose())
  beforeEach(async () => {
    book = await openBook(running.rest)
    await openAccounts(book, ['asset:cash', 'equity:capital'])
    const one = transfer('equity:capital', 'asset:cash', 5)
    for (let count = 0; count < 5; count++) await book.post('/transactions', one)
    await book.post('/transactions/batch', { transactions: [one, one] })
  })

  const check = (query = ''): Promise<Answer<Integrity>> =>
    running.rest.get(`${book.path}/integrity${query}`)
  /** Past Daybook, straight into the stream. */
  const append = async (events: { type: string; data: unknown; metadata: unknown }[]) => {
    breaks(book.id)
    const raw = events.map((event) => jsonEvent({ id: randomUUID(), ...event } as never))
    await client.appendToStream(`book-${book.id}`, raw, { expectedRevision: ANY })
  }
  const verify = (...args: string[]) =>
    startCommand(['verify', ...args], {
      ...running.environment,
      DAYBOOK_URL: running.rest.url,
      DAYBOOK_TOKEN: running.token,
    }).ended

  it('is whole as long as nobody else writes into its stream', async () => {
    const { status, data } = await check()
    const last = (await eventsOf(running, book.id)).at(-1)
    assert.equal(status, 200)
    assert.equal(data.status, 'whole')
    assert.deepEqual(data.checked, { events: 8, transactions: 7 })
    assert.deepEqual(data.through, { revision: 7, hash: last?.metadata.hash })
    assert.equal(data.broken, null)
  })

  it('is checked piece by piece, each from where the one before it ended', async () => {
    let events = 0
    let transactions = 0
    let cursor: string | null = ''
    const statuses: string[] = []
    while (cursor !== null) {
      const answer: Answer<Integrity> = await check(`?limit=3${cursor && `&cursor=${cursor}`}`)
      statuses.push(answer.data.status)
      events += answer.data.checked.events
      transactions += answer.data.checked.transactions
      cursor = answer.meta.nextCursor
    }
    assert.deepEqual(statuses, ['unfinished', 'unfinished', 'whole'])
    assert.deepEqual([events, transactions], [8, 7])
    for (const wrong of ['7', `3.5.${'g'.repeat(64)}`]) {
      assert.equal((await check(`?cursor=${wrong}`)).error.code, 'invalid_cursor')
    }
  })

  it('is broken by an event that somebody else has appended', async () => {
    const stored = await eventsOf(running, book.id)
    const { type, data, metadata } = stored.at(-2)!
    await append([{ type, data, metadata }])
    const { broken, checked } = (await check()).data
    assert.deepEqual([broken?.revision, broken?.why], [8, 'predecessor'])
    assert.deepEqual(checked, { events: 8, transactions: 7 })
  })

  it('is broken by what was changed in an event, even where it names its predecessor', async () => {
    const stored = await eventsOf(running, book.id)
    const { type, data, metadata } = stored.at(-1)!
    const previous_hash = metadata.hash
    await append([{ type, data, metadata: { ...metadata, previous_hash } }])
    const { broken } = (await check()).data
    assert.deepEqual([broken?.revision, broken?.why], [8, 'hash'])
  })

  it('is broken where its beginning was cut off', async () => {
    breaks(book.id)
    await client.setStreamMetadata(`book-${book.id}`, { truncateBefore: 2 })
    const { broken, checked } = (await check()).data
    assert.deepEqual([broken?.revision, broken?.why], [2, 'order'])
    assert.equal(checked.events, 0)
  })

  it('is the business of nobody but its readers', async () => {
    const password = 'correct horse battery'
    const login = { email: `${randomUUID()}@example.org`, password }
    assert.equal((await running.rest.post('/v1/users', login)).status, 201)
    const { url } = running.rest
    const { data } = await restClient(url, null).post<{ token: string }>('/v1/auth/login', login)
    const stranger = restClient(url, data.token)
    assert.equal((await stranger.get(`${book.path}/integrity`)).error.code, 'book_not_found')
    const none = await running.rest.get(`/v1/books/${randomUUID()}/integrity`)
    assert.equal(none.error.code, 'book_not_found')
  })

  it('is told by daybook verify, which ends with 1 where it is broken', async () => {
    const last = (await eventsOf(running, book.id)).at(-1)
    const whole = await verify('--book', book.id)
    assert.equal(whole.code, 0, whole.stderr)
    const said = `${book.id}: whole; 8 events with 7 transactions, the last one with the hash`
    assert.equal(whole.stdout, `${said} ${last?.metadata.hash}\n`)
    assert.match(whole.stderr, /Checking .*: 8 events/)
    await append([{ type: 'BookOpened', data: {}, metadata: { previous_hash: 'none' } }])
    const broken = await verify('--book', book.id)
    assert.equal(broken.code, 1)
    assert.match(
      broken.stdout,
      /BROKEN at revision 8, event [0-9a-f-]{36}\n {2}predecessor: It names/,
    )
    const unknown = await verify('--book', 'no such book')
    assert.equal(unknown.code, 1)
    assert.match(unknown.stderr, /There is no book named no such book/)
  })
})
