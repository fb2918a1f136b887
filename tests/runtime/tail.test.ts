import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { EventEmitter, once } from 'node:events'
import type { Recorded } from '../../src/domain/events/index.ts'
import {
  connectEventStore,
  type EventStore,
  firstPlace,
  type Place,
} from '../../src/runtime/event-store.ts'
import { readCheckpoint } from '../../src/runtime/projections/apply-page.ts'
import type { Build } from '../../src/runtime/projections/build.ts'
import { type Checkpoint, Poison, pageReader } from '../../src/runtime/projections/page.ts'
import { sweep } from '../../src/runtime/projections/sweep.ts'
import { type Scanned, type Tail, tailOf } from '../../src/runtime/projections/tail.ts'
import { freshEnvironment } from '../support/daybook.ts'
import { counted, event, hashOf, openSweeping } from '../support/sweeping.ts'

const checkpoint = (bookId: string, revision: number): Checkpoint => ({
  revision,
  eventHash: hashOf(bookId, revision),
  epoch: 0,
  skipped: new Set(),
})

const all = Number.POSITIVE_INFINITY

const revisionsOf = (heads: Scanned['heads']): Map<string, number> =>
  new Map([...heads].map(([bookId, { revision }]) => [bookId, revision]))

describe('the tail of the log', function () {
  this.timeout(30_000)

  let environment: Readonly<Record<string, string>>
  let store: ReturnType<typeof counted>
  let tail: Tail

  before(async () => {
    environment = await freshEnvironment()
    store = counted(connectEventStore(environment['EVENTSTORE_URL'] as string))
  })
  after(() => store?.close())

  const write = async (bookId: string, from: number, events: readonly Recorded[]) => {
    const appended = await store.append(bookId, from - 1, events)
    assert.deepEqual(appended, { kind: 'appended' })
  }
  const grow = (bookId: string, from: number, to: number): Promise<void> =>
    write(
      bookId,
      from,
      Array.from({ length: to - from + 1 }, (_, place) => event(bookId, from + place)),
    )

  const open = async (to = 0): Promise<string> => {
    const bookId = randomUUID()
    await grow(bookId, 0, to)
    return bookId
  }

  /** Where the log ended when a tail began last. */
  let last = firstPlace
  const begin = async (of: Tail = tail): Promise<Place> => {
    for (let isEnd = false; !isEnd; ) ({ place: last, isEnd } = await of.scan(last))
    forget()
    return last
  }

  const forget = () => Object.assign(store.reads, { all: 0, books: [] })

  beforeEach(() => {
    tail = tailOf(store)
  })

  it('gives the pages that streams give, and reads each event once', async () => {
    const [one, other] = [await open(), await open()]
    const end = await begin()
    await Promise.all([grow(one, 1, 30), grow(other, 1, 20)])
    const pages = [
      await tail.read(one, checkpoint(one, 0), all),
      await tail.read(other, checkpoint(other, 0), all),
      await tail.read(one, checkpoint(one, 10), 5),
    ]
    const { heads, isEnd } = await tail.scan(end)
    assert.deepEqual(store.reads, { all: 50, books: [] })
    const stream = pageReader(store)
    assert.deepEqual(pages, [
      await stream(one, checkpoint(one, 0), all),
      await stream(other, checkpoint(other, 0), all),
      await stream(one, checkpoint(one, 10), 5),
    ])
    assert.deepEqual(
      revisionsOf(heads),
      new Map([
        [one, 30],
        [other, 20],
      ]),
    )
    assert.equal(isEnd, true)
  })

  it('reads for all who ask at once what was written before they did', async () => {
    const books = await Promise.all(Array.from({ length: 8 }, () => open()))
    await begin()
    const growAndRead = async (bookId: string) => {
      await grow(bookId, 1, 5)
      return tail.read(bookId, checkpoint(bookId, 0), all)
    }
    const pages = await Promise.all(books.map(growAndRead))
    assert.deepEqual(
      pages.map((page) => page?.next.revision),
      books.map(() => 5),
    )
    assert.deepEqual(store.reads, { all: 40, books: [] })
  })

  it('reads once more for who asks while a read is under way', async () => {
    const reading = new EventEmitter()
    const readAll: EventStore['readAll'] = async function* (after, limit) {
      yield* store.readAll(after, limit)
      reading.emit('held')
      await once(reading, 'go on')
    }
    let current = store.readAll
    const slow = tailOf({ ...store, readAll: (after, limit) => current(after, limit) })
    const [one, other] = [await open(), await open()]
    await begin(slow)
    current = readAll
    const held = once(reading, 'held')
    const early = slow.read(one, checkpoint(one, 0), all)
    await held
    current = store.readAll
    await grow(other, 1, 1)
    const late = slow.read(other, checkpoint(other, 0), all)
    reading.emit('go on')
    assert.equal(await early, null)
    assert.equal((await late)?.next.revision, 1)
    assert.deepEqual(store.reads, { all: 1, books: [one] })
  })

  it('reads the streams of books until it has begun', async () => {
    const book = await open(3)
    forget()
    const page = await tail.read(book, checkpoint(book, -1), all)
    assert.equal(page?.next.revision, 3)
    assert.deepEqual(store.reads, { all: 0, books: [book] })
  })

  it('says that more may follow while it has not come to the end of the log', async () => {
    const [book, other] = [await open(), await open()]
    await begin()
    await grow(book, 1, 10)
    await grow(other, 1, 1_000)
    await grow(book, 11, 20)
    const first = await tail.read(book, checkpoint(book, 0), all)
    assert.deepEqual([first?.next.revision, first?.isCut], [10, true])
    const second = await tail.read(book, checkpoint(book, 10), all)
    assert.deepEqual([second?.next.revision, second?.isCut], [20, false])
    assert.deepEqual(store.reads, { all: 1_020, books: [] })
  })

  it('reads the stream of a book that is behind what is kept', async () => {
    const [far, near] = [await open(), await open()]
    const end = await begin()
    const message = 'x'.repeat(700 * 1024)
    const data = { command: 'Some', rejection: { code: 'too_large', message, details: [] } }
    await grow(far, 1, 1)
    for (let revision = 1; revision <= 13; revision++) {
      await write(near, revision, [{ ...event(near, revision), data } as Recorded])
    }
    for (let place = end, isEnd = false; !isEnd; ) ({ place, isEnd } = await tail.scan(place))
    forget()
    const page = await tail.read(far, checkpoint(far, 0), all)
    assert.deepEqual(page, await pageReader(store)(far, checkpoint(far, 0), all))
    const early = await tail.read(near, checkpoint(near, 0), 3)
    assert.equal(early?.next.revision, 3)
    assert.deepEqual(store.reads, { all: 0, books: [far, far, near] })
    assert.equal((await tail.read(near, checkpoint(near, 10), 3))?.next.revision, 13)
    assert.deepEqual(store.reads, { all: 0, books: [far, far, near] })
  })

  it('leaves it to the stream to halt a book whose log is another', async () => {
    const book = await open()
    await begin()
    await write(book, 1, [event(book, 1), event(book, 2, { previous_hash: 'another' })])
    const page = await tail.read(book, checkpoint(book, 0), all)
    assert.equal(page?.next.revision, 1)
    assert.equal(page.isCut, true)
    assert.deepEqual(store.reads.books, [])
    const halted = (error: unknown) => error instanceof Poison && !error.isSkippable
    await assert.rejects(tail.read(book, page.next, all), halted)
    assert.deepEqual(store.reads.books, [book])
    await assert.rejects(tail.read(book, { ...page.next, eventHash: 'of another' }, all), halted)
    assert.deepEqual(store.reads.books, [book, book])
  })

  it('reads streams once the whole log could not be read, and begins again by a scan', async () => {
    let isAway = false
    const readAll: EventStore['readAll'] = async function* (after, limit) {
      if (isAway) throw new Error('it is away')
      yield* store.readAll(after, limit)
    }
    const broken = tailOf({ ...store, readAll })
    const book = await open()
    const end = await begin(broken)
    await grow(book, 1, 4)
    isAway = true
    assert.equal((await broken.read(book, checkpoint(book, 0), all))?.next.revision, 4)
    await assert.rejects(broken.scan(end))
    isAway = false
    assert.equal((await broken.read(book, checkpoint(book, 1), all))?.next.revision, 4)
    assert.deepEqual(store.reads, { all: 0, books: [book, book] })
    assert.equal((await broken.scan(end)).heads.get(book)?.revision, 4)
    await grow(book, 5, 5)
    assert.equal((await broken.read(book, checkpoint(book, 4), all))?.next.revision, 5)
    assert.deepEqual(store.reads, { all: 5, books: [book, book] })
  })

  it('has nothing of a log in whose place an older copy came back', async () => {
    const elsewhere = await freshEnvironment()
    const copy = connectEventStore(elsewhere['EVENTSTORE_URL'] as string)
    let current: EventStore | null = store
    const now = (): EventStore => current ?? assert.fail('it is away')
    const moving = tailOf({
      readAll: (after, limit) => now().readAll(after, limit),
      readBook: (bookId, from, limit) => now().readBook(bookId, from, limit),
    })
    const [book, other] = [await open(2), await open()]
    await begin(moving)
    await Promise.all([grow(book, 3, 5), grow(other, 1, 1)])
    assert.equal((await moving.read(other, checkpoint(other, 0), all))?.next.revision, 1)
    current = null
    await assert.rejects(moving.read(other, checkpoint(other, 1), all))
    current = copy
    const hash = (revision: number) => hashOf(book, revision, revision > 2 ? ' again' : '')
    const again = Array.from({ length: 7 }, (_, revision) =>
      event(book, revision, { hash: hash(revision), previous_hash: hash(revision - 1) }),
    )
    await copy.append(book, -1, again)
    const page = await moving.read(book, checkpoint(book, 2), all)
    assert.equal(page?.next.eventHash, hash(6))
    await assert.rejects(moving.read(book, checkpoint(book, 5), all), Poison)
    await copy.close()
  })

  it('scans the log where more books were written to than it keeps', async () => {
    const small = tailOf(store, 2)
    const books = [await open(), await open(), await open()]
    const end = await begin(small)
    for (const book of books) await grow(book, 1, 1)
    const news = new Map(books.map((book) => [book, 1]))
    assert.deepEqual(revisionsOf((await small.scan(end)).heads), news)
    assert.equal(store.reads.all, 6)
    await grow(books[0] as string, 2, 2)
    assert.deepEqual(revisionsOf((await small.scan(end)).heads), news.set(books[0] as string, 2))
  })

  it('scans the log for what came before it, and begins again where others have gone on', async () => {
    const book = await open()
    const before = await begin()
    await grow(book, 1, 3)
    const late = tailOf(store)
    const start = await begin(late)
    assert.equal((await late.scan(before)).heads.get(book)?.revision, 3)
    assert.equal(store.reads.all, 3)
    assert.deepEqual([...(await late.scan(start)).heads], [])
    await grow(book, 4, 6)
    const further = (await tail.scan(before)).place
    forget()
    assert.equal((await late.scan(further)).place, further)
    await grow(book, 7, 7)
    assert.equal((await late.read(book, checkpoint(book, 6), all))?.next.revision, 7)
    assert.deepEqual(store.reads, { all: 1, books: [] })
    assert.equal((await late.scan(start)).heads.get(book)?.revision, 7)
    assert.equal(store.reads.all, 5)
  })

  it('shows the sweep, which reads nothing else, what no hint came for', async () => {
    const { own, db, builds, projecting, close } = await openSweeping(() => Promise.resolve())
    const sweepAll = () => Promise.all(builds.map((build) => sweep(projecting, build)))
    const book = randomUUID()
    await own.append(book, -1, [event(book, 0)])
    await sweepAll()
    const events = Array.from({ length: 40 }, (_, place) => event(book, place + 1))
    await own.append(book, 0, events)
    Object.assign(own.reads, { all: 0, books: [] })
    await sweepAll()
    for (const build of builds) {
      assert.equal((await readCheckpoint(db, build, book)).revision, 40)
    }
    assert.deepEqual(own.reads, { all: 40, books: [] })
    await close()
  })

  it('is folded with rests where it is full of batches, and without behind single events', async () => {
    let rests = 0
    const { own, db, builds, projecting, close } = await openSweeping(async () => void rests++)
    const build = builds.find(({ projection }) => projection.name === 'lookup') as Build
    const fold = async (book: string) => {
      await sweep(projecting, build)
      return (await readCheckpoint(db, build, book)).revision
    }
    const single = randomUUID()
    const events = Array.from({ length: 2_100 }, (_, revision) => event(single, revision))
    await own.append(single, -1, events)
    assert.equal(await fold(single), 2_099)
    assert.equal(rests, 0)
    const book = randomUUID()
    const transactions = () => Array.from({ length: 1_000 }, () => ({ id: randomUUID() }))
    for (let revision = 0; revision < 9; revision++) {
      const data = { transactions: transactions(), existing: [], failed: [] }
      const batch = { ...event(book, revision), type: 'TransactionsRecorded', data }
      await own.append(book, revision - 1, [batch as unknown as Recorded])
    }
    assert.equal(await fold(book), 8)
    assert.equal(rests, 2)
    await close()
  })

  it('is folded again where Postgres has lost what was committed', async () => {
    const { own, db, builds, projecting, close } = await openSweeping(() => Promise.resolve())
    const build = builds[0] as Build
    const book = randomUUID()
    const events = Array.from({ length: 9 }, (_, revision) => event(book, revision))
    await own.append(book, -1, events)
    const table = (name: string) => `${build.schema}.${name}`
    await sweep(projecting, build)
    await db.query(`update ${table('scan')} set position = -1`)
    await db.query(`update ${table('checkpoint')} set revision = 3, event_hash = $1`, [
      hashOf(book, 3),
    ])
    await sweep(projecting, build)
    assert.equal((await readCheckpoint(db, build, book)).revision, 8)
    await close()
  })
})
