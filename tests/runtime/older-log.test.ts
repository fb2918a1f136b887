import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import type { Recorded } from '../../src/domain/events/index.ts'
import type {
  FailureResource,
  OperationResource,
  ProjectedBook,
} from '../../src/queries/projections.ts'
import type { AccountResource } from '../../src/queries/resources.ts'
import { connectEventStore, type EventStore } from '../../src/runtime/event-store.ts'
import { advance } from '../../src/runtime/projections/advance.ts'
import { readCheckpoint } from '../../src/runtime/projections/apply-page.ts'
import type { Build } from '../../src/runtime/projections/build.ts'
import { sweep } from '../../src/runtime/projections/sweep.ts'
import { openAccounts, openBook, type TestBook, transfer } from '../support/book.ts'
import { type Daybook, freshEnvironment, openDaybook } from '../support/daybook.ts'
import { assertShowsItsEvents } from '../support/fold.ts'
import { haltedBooks } from '../support/halted.ts'
import { reportOf, untilStage } from '../support/operations.ts'
import { type Rest, revisionOf } from '../support/rest.ts'
import { restorableStore } from '../support/restorable-store.ts'
import { event, openSweeping } from '../support/sweeping.ts'

describe('a log that is restored from an older copy', function () {
  this.timeout(60_000)
  let store: Awaited<ReturnType<typeof restorableStore>>
  let running: Daybook
  let workerUrl: string
  let db: pg.Client
  let whole: TestBook
  let shorter: TestBook
  let other: TestBook
  let longer: TestBook
  let gone: TestBook
  let copy: string
  let ahead: number

  const post = async (book: TestBook, times: number): Promise<void> => {
    for (let time = 0; time < times; time++) {
      const { status, text } = await book.post(
        '/transactions',
        transfer('income:sales', 'asset:cash', 5),
      )
      assert.equal(status, 201, text)
    }
  }
  /** Under a key that the copy has never seen. */
  const postKeyed = async (book: TestBook): Promise<void> => {
    const headers = { 'idempotency-key': 'lost' }
    const body = transfer('income:sales', 'asset:cash', 5)
    const answer = await book.post('/transactions', body, headers)
    assert.equal(answer.status, 201, answer.text)
    assert.equal(answer.headers.get('idempotent-replayed'), null)
  }
  const open = async (): Promise<TestBook> => {
    const book = await openBook(running.rest)
    await openAccounts(book, ['asset:cash', 'income:sales'])
    return book
  }
  const failures = async (projection: string): Promise<Map<string, FailureResource>> => {
    const path = `/v1/projections/${projection}/failures`
    const { data } = await running.rest.get<FailureResource[]>(path)
    return new Map(data.map((failure) => [failure.book_id, failure]))
  }
  const untilHalted = async (projection: string, books: number) => {
    for (;;) {
      const found = await failures(projection)
      if (found.size >= books) return found
      await sleep(20)
    }
  }
  const cash = (book: TestBook) =>
    book.rest.get<AccountResource>(`${book.path}/accounts/asset:cash`)

  before(async () => {
    store = await restorableStore()
    running = await openDaybook(
      { ...(await freshEnvironment()), EVENTSTORE_URL: store.url },
      { hasWorker: false },
    )
    workerUrl = `http://127.0.0.1:${(await running.startWorker()).port}`
    db = new pg.Client({ connectionString: running.environment['DATABASE_URL'] as string })
    await db.connect()
    whole = await open()
    shorter = await open()
    other = await open()
    longer = await open()
    for (const book of [whole, shorter, other, longer]) await post(book, 1)
    copy = await store.backUp()
    gone = await open()
    for (const book of [shorter, other, longer]) {
      await post(book, 4)
      await postKeyed(book)
      await book.get('/accounts/asset:cash')
    }
    await gone.get('')
    ahead = shorter.revision
  })
  after(async () => {
    await db?.end()
    await running?.close()
    await store?.close()
  })

  it('halts the books that were folded further, in every projection, though nothing new comes', async () => {
    await store.restore(copy)
    for (const projection of ['ledger', 'lookup']) {
      const found = await untilHalted(projection, 4)
      assert.deepEqual(
        new Set(found.keys()),
        new Set([shorter, other, longer, gone].map(({ id }) => id)),
      )
      const failure = found.get(shorter.id)
      assert.equal(failure?.is_skippable, false)
      assert.equal(
        failure.error,
        'the log ends at revision 2, and this was folded up to 7: ' +
          'it is an older copy. Rebuild the projection',
      )
      assert.match(found.get(gone.id)?.error ?? '', /^the log has nothing of this book, and/)
    }
    for (const url of [running.rest.url, workerUrl]) {
      const health = (await (await fetch(`${url}/health/ready`)).json()) as { status: string }
      assert.equal(health.status, 'degraded')
    }
    while (
      !/books_halted\{projection="ledger"\} 4/.test(
        await (await fetch(`${workerUrl}/metrics`)).text(),
      )
    ) {
      await sleep(20)
    }
    const { error } = await running.rest.post(
      `/v1/projections/ledger/failures/${shorter.id}/skip`,
      { reason: 'no' },
    )
    assert.equal(error.code, 'failure_not_skippable')
  })

  it('is told with the head that it has', async () => {
    const { data } = await running.rest.get<ProjectedBook[]>('/v1/projections/ledger/books')
    const of = (book: TestBook) => {
      const { revision, head, lag, is_halted } =
        data.find(({ book_id }) => book_id === book.id) ?? {}
      return [revision, head, lag, is_halted]
    }
    assert.deepEqual(of(whole), [2, 2, 0, false])
    assert.deepEqual(of(shorter), [ahead, 2, 2 - ahead, true])
    assert.deepEqual(of(gone), [1, -1, -2, true])
  })

  it('is written on, lets whole books go on, and shows nobody what is lost for what is new', async () => {
    for (const book of [whole, shorter, other, longer]) book.revision = 2
    await post(whole, 3)
    await assertShowsItsEvents(running, whole)
    await postKeyed(shorter)
    await post(other, ahead - 2)
    await post(longer, ahead)
    assert.deepEqual([shorter.revision, other.revision, longer.revision], [3, ahead, ahead + 2])
    const headers = { 'daybook-min-revision': '3' }
    const early = await Promise.all(
      [shorter, other, longer].map(({ path }) =>
        running.rest.get(`${path}/accounts/asset:cash`, headers),
      ),
    )
    for (const { error, text } of early) assert.equal(error?.code, 'not_yet_visible', text)
    for (const projection of ['ledger', 'lookup']) {
      assert.equal((await failures(projection)).size, 4)
    }
  })

  it('is built anew, and nothing that was lost is shown any more', async () => {
    const lost = await cash(shorter)
    assert.equal(revisionOf(lost), ahead)
    for (const projection of ['ledger', 'lookup']) {
      const path = `/v1/projections/${projection}/rebuild`
      const { data } = await running.rest.post<OperationResource>(path, {})
      const ended = await untilStage(running.rest, data.id, 'live')
      assert.deepEqual(reportOf(ended).problems, [])
      assert.equal((await failures(projection)).size, 0)
    }
    while ((await cash(shorter)).data.balances.posted === lost.data.balances.posted) await sleep(20)
    const answer = await cash(shorter)
    assert.deepEqual([answer.data.balances.posted, revisionOf(answer)], ['10', 3])
    const books = [whole, shorter, other, longer]
    for (const book of books) await assertShowsItsEvents(running, book)
    assert.equal((await running.rest.get(gone.path)).error.code, 'book_not_found')
    for (const book of books) await post(book, 1)
    for (const book of books) await assertShowsItsEvents(running, book)
    assert.equal(await halted('ledger'), 0)
  })

  const halted = async (projection: string) => {
    const live = await running.rest.get<{ name: string; schema: string }[]>('/v1/projections')
    const schema = live.data.find(({ name }) => name === projection)?.schema ?? ''
    return (await haltedBooks(running)).filter((one) => one.startsWith(`${schema}:`)).length
  }
})

describe('an API that runs on while an older copy is put in its place and written on', function () {
  this.timeout(60_000)
  let store: Awaited<ReturnType<typeof restorableStore>>
  let running: Daybook
  /** Which knows nothing of the other's books, and does not hand them to it. */
  let elsewhere: Daybook
  let books: readonly TestBook[]
  const lost = 2

  const post = async (book: TestBook, rest: Rest, amount: number, headers = {}) => {
    const body = transfer('income:sales', 'asset:cash', amount)
    const answer = await rest.post(`${book.path}/transactions`, body, headers)
    assert.equal(answer.status, 201, answer.text)
    return answer
  }

  before(async () => {
    store = await restorableStore()
    const environment = { ...(await freshEnvironment()), EVENTSTORE_URL: store.url }
    running = await openDaybook(environment, { hasWorker: false })
    const { REDIS_QUEUE_URL, REDIS_CACHE_URL } = await freshEnvironment()
    elsewhere = await openDaybook(
      { ...environment, REDIS_QUEUE_URL, REDIS_CACHE_URL } as typeof environment,
      { hasWorker: false },
    )
    books = await Promise.all([1, 2].map(() => openBook(running.rest)))
    for (const book of books) await openAccounts(book, ['asset:cash', 'income:sales'])
    const copy = await store.backUp()
    for (const book of books) {
      await post(book, running.rest, 5, { 'idempotency-key': 'lost' })
      await post(book, running.rest, 5)
    }
    await store.restore(copy)
    // Up to the very revision that the API remembers.
    for (const book of books) {
      for (let time = 0; time < lost; time++) await post(book, elsewhere.rest, 7)
    }
  })
  after(async () => {
    await elsewhere?.close()
    await running?.close()
    await store?.close()
  })

  const whole = async (book: TestBook) => {
    const path = `${book.path}/integrity`
    const { data } = await running.rest.get<{ status: string; head_revision: number }>(path)
    assert.deepEqual([data.status, data.head_revision], ['whole', 2 + lost])
  }

  it('appends behind what the log has now', async () => {
    const [book] = books as [TestBook]
    const answer = await post(book, running.rest, 1)
    assert.equal(revisionOf(answer), 2 + lost)
    await whole(book)
  })

  it('answers no request from what the log has lost', async () => {
    const book = books[1] as TestBook
    const answer = await post(book, running.rest, 5, { 'idempotency-key': 'lost' })
    assert.equal(answer.headers.get('idempotent-replayed'), null)
    await whole(book)
  })
})

describe('an append to a log that has come back as another', () => {
  it('is at the wrong revision where what it follows is not there, tried again or not', async () => {
    const elsewhere = await restorableStore()
    const [log, other] = [connectEventStore(elsewhere.url), connectEventStore(elsewhere.url)]
    const book = randomUUID()
    const own = [0, 1, 2].map((revision) => event(book, revision))
    const [first, second, third] = own as [Recorded, Recorded, Recorded]
    assert.equal((await log.append(book, -1, [first])).kind, 'appended')
    const copy = await elsewhere.backUp()
    assert.equal((await log.append(book, 0, [second])).kind, 'appended')
    await elsewhere.restore(copy)
    const append = async (...given: Parameters<EventStore['append']>) => {
      for (;;) {
        const appended = await log.append(...given)
        if (appended.kind !== 'unknown') return appended.kind
        await sleep(20)
      }
    }
    assert.deepEqual(await other.head(book), { revision: 0, hash: first.metadata.hash })
    const foreign = event(book, 1, { hash: 'another' })
    assert.equal((await other.append(book, 0, [foreign])).kind, 'appended')
    assert.equal(await append(book, 1, [third]), 'wrong_revision')
    assert.equal(await append(book, 0, [second]), 'wrong_revision')
    const behind = event(book, 2, { previous_hash: 'another' })
    assert.equal(await append(book, 1, [behind]), 'appended')
    await log.close()
    await other.close()
    await elsewhere.close()
  })
})

describe('a build that is swept once an older copy has come back', function () {
  this.timeout(30_000)

  /** A log and a copy of it, with two books that were folded from the log and swept. */
  const open = async () => {
    const elsewhere = await restorableStore()
    const copy = connectEventStore(elsewhere.url)
    let now: EventStore = copy
    const log: EventStore = {
      ...copy,
      readAll: (after, limit) => now.readAll(after, limit),
      readBook: (bookId, from, limit) => now.readBook(bookId, from, limit),
      lastRevision: (bookId) => now.lastRevision(bookId),
    }
    const sweeping = await openSweeping(
      () => Promise.resolve(),
      () => log,
    )
    const { own, db, builds, projecting } = sweeping
    now = own
    const build = builds.find(({ projection }) => projection.name === 'lookup') as Build
    const [book, other] = [randomUUID(), randomUUID()]
    for (const bookId of [book, other]) {
      const events = [event(bookId, 0), event(bookId, 1)]
      await own.append(bookId, -1, events)
      await copy.append(bookId, -1, events)
    }
    const sweepOnce = () => sweep(projecting, build)
    await sweepOnce()
    const failure = async () => {
      const { rows } = await db.query(`select * from ${build.schema}.failure`)
      assert(rows.length <= 1)
      assert.equal(rows[0]?.book_id ?? book, book)
      return rows[0]?.error ?? null
    }
    return {
      own,
      copy,
      book,
      other,
      failure,
      restore: (store: EventStore) => {
        now = store
      },
      sweepOnce,
      fold: (bookId: string) => advance(projecting, build, bookId),
      revision: async (bookId: string) => (await readCheckpoint(db, build, bookId)).revision,
      retryNow: () =>
        db.query(`update ${build.schema}.failure set failed_at = now() - interval '1 hour'`),
      close: async () => {
        await sweeping.close()
        await copy.close()
        await elsewhere.close()
      },
    }
  }

  it('has what was folded since the last sweep halted, though the copy has grown past it', async () => {
    const { own, copy, book, other, failure, restore, fold, sweepOnce, revision, close } =
      await open()
    await own.append(book, 1, [event(book, 2)])
    await fold(book)
    restore(copy)
    await copy.append(other, 1, [event(other, 2), event(other, 3)])
    await fold(other)
    assert.equal(await failure(), null)
    await sweepOnce()
    assert.match(await failure(), /ends at revision 1, and this was folded up to 2/)
    assert.equal(await revision(other), 3)
    await close()
  })

  it('has it halted where the copy has another event of the book at that revision', async () => {
    const { own, copy, book, failure, restore, fold, sweepOnce, close } = await open()
    await own.append(book, 1, [event(book, 2)])
    await fold(book)
    restore(copy)
    await copy.append(book, 1, [event(book, 2, { hash: 'another' })])
    await sweepOnce()
    assert.match(await failure(), /another event at revision 2/)
    await close()
  })

  it('folds what no hint came for, of books that the copy has whole', async () => {
    const { own, copy, book, other, failure, restore, sweepOnce, revision, close } = await open()
    await own.append(book, 1, [event(book, 2), event(book, 3)])
    await sweepOnce()
    restore(copy)
    await copy.append(other, 1, [event(other, 2)])
    await sweepOnce()
    assert.match(await failure(), /ends at revision 1, and this was folded up to 3/)
    assert.equal(await revision(other), 2)
    await close()
  })

  it('goes on by itself when the newer log is put back', async () => {
    const { own, copy, book, failure, restore, sweepOnce, revision, retryNow, close } = await open()
    await own.append(book, 1, [event(book, 2)])
    await sweepOnce()
    restore(copy)
    await sweepOnce()
    await retryNow()
    await sweepOnce()
    assert.match(await failure(), /older copy/)
    restore(own)
    await retryNow()
    await sweepOnce()
    assert.equal(await failure(), null)
    await own.append(book, 2, [event(book, 3)])
    await sweepOnce()
    assert.equal(await revision(book), 3)
    await close()
  })
})
