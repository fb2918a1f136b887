import assert from 'node:assert/strict'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import type { LocalServer } from '../../src/local/child.ts'
import { startRedis } from '../../src/local/redis.ts'
import type { AccountResource } from '../../src/queries/resources.ts'
import { connectEventStore } from '../../src/runtime/event-store.ts'
import { openAccounts, openBook, type TestBook, toBook, transfer } from '../support/book.ts'
import { breakBook, newer, unfit, unknown } from '../support/break-book.ts'
import { type Daybook, freshEnvironment, openDaybook, startPart } from '../support/daybook.ts'
import { assertShowsItsEvents } from '../support/fold.ts'
import { goldenLog } from '../support/golden-book.ts'
import { randomOf } from '../support/random.ts'
import { testDirectory } from '../support/services.ts'

const codes = ['asset:cash', 'asset:bank', 'income:sales', 'expense:rent', 'liability:card']

describe('the read model', function () {
  this.timeout(60_000)

  let running: Daybook
  let queue: LocalServer
  let redis: Redis
  const { between, pick } = randomOf(10)

  const startQueue = (previous?: LocalServer) =>
    startRedis({
      directory: testDirectory('own-queue'),
      logFile: join(testDirectory('own-queue-log'), 'queue.log'),
      policy: 'noeviction',
      persistent: false,
      previous,
    })

  before(async () => {
    queue = await startQueue()
    redis = new Redis(queue.url, { maxRetriesPerRequest: null })
    redis.on('error', () => undefined)
    const environment = { ...(await freshEnvironment()), REDIS_QUEUE_URL: queue.url }
    running = await openDaybook(environment)
  })
  after(async () => {
    redis?.disconnect()
    await running?.close()
    await queue?.stop()
  })

  const open = async (): Promise<TestBook> => {
    const book = await openBook(running.rest)
    await openAccounts(book, codes)
    return book
  }

  const someTransactions = (count: number) =>
    Array.from({ length: count }, () => {
      const from = pick(codes)
      const to = pick(codes.filter((code) => code !== from))
      const date = new Date(Date.UTC(2020, 0, between(1, 2_000))).toISOString()
      const isDated = between(0, 1) === 1
      return {
        ...transfer(from, to, between(1, 10_000)),
        ...(isDated && { effective_at: date }),
      }
    })

  const write = async (book: TestBook, groups: number, size: number): Promise<void> => {
    for (let group = 0; group < groups; group++) {
      const sent = { transactions: someTransactions(size) }
      const answer = await book.post('/transactions/batch', sent)
      assert.equal(answer.status, 201, answer.text)
    }
  }

  it('comes to the same though every wake-up is lost', async () => {
    const book = await open()
    for (let round = 0; round < 5; round++) {
      const writing = write(book, 3, 5)
      await redis.flushall()
      await writing
      await redis.flushall()
    }
    await assertShowsItsEvents(running, book)
  })

  it('comes to the same while there is no queue, and once there is one again', async () => {
    const book = await open()
    const second = await running.startWorker()
    await queue.stop()
    await write(book, 10, 5)
    await assertShowsItsEvents(running, book)
    await second.close()
    queue = await startQueue(queue)
    await write(book, 10, 5)
    await assertShowsItsEvents(running, book)
  })

  it('is folded from the beginning by a worker that comes late', async () => {
    const environment = { ...(await freshEnvironment()), REDIS_QUEUE_URL: `${queue.url}/1` }
    const late = await openDaybook(environment, { hasWorker: false })
    const book = await openBook(late.rest)
    await openAccounts(book, codes)
    await write(book, 20, 20)
    const headers = { 'daybook-min-revision': String(book.revision) }
    const early = await late.rest.get(`${book.path}/accounts`, headers)
    assert.equal(early.error.code, 'not_yet_visible')
    await late.startWorker()
    await assertShowsItsEvents(late, book)
    await late.close()
  })

  it('has what the first release recorded, of versions that were brought up to date', async () => {
    const [opened] = goldenLog
    assert(opened?.type === 'BookOpened')
    assert(goldenLog.every(({ metadata }) => metadata.schema_version === 1))
    const { id } = opened.data
    const store = connectEventStore(running.environment['EVENTSTORE_URL'] as string)
    const { kind } = await store.append(id, -1, goldenLog)
    await store.close()
    assert.equal(kind, 'appended')
    await assertShowsItsEvents(running, toBook(running.rest, id, goldenLog.length - 1))
  })

  it('is neither doubled nor short when its workers are killed in the middle', async () => {
    const environment = { ...(await freshEnvironment()), REDIS_QUEUE_URL: `${queue.url}/2` }
    const api = await openDaybook(environment, { hasWorker: false })
    const book = await openBook(api.rest)
    await openAccounts(book, codes)
    // Read model and writes race: a worker is killed as soon as it has shown some of them.
    const writing = write(book, 40, 50)
    for (let kill = 0; kill < 3; kill++) {
      const worker = await startPart('worker', environment)
      const { entry_count: before } = await shown(api, book)
      while ((await shown(api, book)).entry_count === before && !isWhole(before)) continue
      await worker.kill()
    }
    await writing
    await api.startWorker()
    const { transactions } = await assertShowsItsEvents(api, book)
    assert.equal(transactions.length, 40 * 50)
    await api.close()
  })

  const isWhole = (entries: number): boolean => entries === 40 * 50 * 2

  /** As it is shown now, however old. */
  const shown = async ({ rest }: Daybook, book: TestBook): Promise<{ entry_count: number }> => {
    const { data } = await rest.get<{ entry_count: number } | undefined>(book.path)
    return data ?? { entry_count: 0 }
  }

  for (const [what, change] of [
    ['is of a type that it does not know', unknown],
    ['is of a version that it does not know', newer],
    ['the database cannot take', unfit],
  ] as const) {
    it(`keeps other books going, by the sweep alone, when an event of one ${what}`, async () => {
      const [bad, good] = [await open(), await open()]
      const { revision } = await breakBook(running, bad, change)
      await queue.stop()
      try {
        await write(good, 5, 5)
        await assertShowsItsEvents(running, good)
      } finally {
        queue = await startQueue(queue)
      }
      const headers = { 'daybook-min-revision': String(revision) }
      const halted = await running.rest.get(`${bad.path}/accounts`, headers)
      assert.equal(halted.error.code, 'not_yet_visible')
      const before = await bad.get<AccountResource[]>('/accounts')
      assert.equal(before.data.length, codes.length)
    })
  }
})
