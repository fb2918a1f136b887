import assert from 'node:assert/strict'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import type { LocalServer } from '../../src/local/child.ts'
import { startRedis } from '../../src/local/redis.ts'
import type { AccountResource, StatementLine } from '../../src/queries/resources.ts'
import { openAccounts, openBook, type TestBook, transfer } from '../support/book.ts'
import { type Daybook, freshEnvironment, openDaybook } from '../support/daybook.ts'
import { revisionOf } from '../support/rest.ts'
import { testDirectory } from '../support/services.ts'

describe('a write that was answered', function () {
  this.timeout(60_000)

  let running: Daybook
  let cache: LocalServer
  let redis: Redis
  let book: TestBook
  let total = 0n

  const startCache = (previous?: LocalServer) =>
    startRedis({
      directory: testDirectory('own-cache'),
      logFile: join(testDirectory('own-cache-log'), 'cache.log'),
      policy: 'allkeys-lru',
      persistent: false,
      previous,
    })

  before(async () => {
    cache = await startCache()
    redis = new Redis(cache.url, { maxRetriesPerRequest: null })
    redis.on('error', () => undefined)
    running = await openDaybook({ ...(await freshEnvironment()), REDIS_CACHE_URL: cache.url })
    book = await openBook(running.rest)
    await openAccounts(book, ['asset:cash', 'equity:capital'])
  })
  after(async () => {
    redis?.disconnect()
    await running?.close()
    await cache?.stop()
  })

  /** Writes, then reads in every way at that revision. Readers in between keep the cache warm. */
  const writeAndRead = async (): Promise<void> => {
    await book.rest.get(`${book.path}/accounts/asset:cash`)
    const amount = 1n + (total % 7n)
    const written = await book.post<{ id: string }>(
      '/transactions',
      transfer('equity:capital', 'asset:cash', amount),
    )
    assert.equal(written.status, 201, written.text)
    total += amount
    const hot = book.rest.get(`${book.path}/accounts/asset:cash`)
    const [account, list, statement, transaction, report] = await Promise.all([
      book.get<AccountResource>('/accounts/asset:cash'),
      book.get<AccountResource[]>('/accounts'),
      book.get<StatementLine[]>('/accounts/asset:cash/entries?sort=-effective_at&limit=1'),
      book.get<{ id: string }>(`/transactions/${written.data.id}`),
      book.get<{ totals: { debit: string }[] }>('/reports/trial-balance'),
    ])
    await hot
    for (const answer of [account, list, statement, transaction, report]) {
      assert.equal(answer.status, 200, answer.text)
      assert.ok(revisionOf(answer) >= revisionOf(written))
    }
    assert.equal(account.data.balances.posted, String(total))
    assert.equal(list.data[0]?.balances.posted, String(total))
    assert.equal(statement.data[0]?.running_balance, String(total))
    assert.equal(statement.data[0]?.transaction_id, written.data.id)
    assert.equal(transaction.data.id, written.data.id)
    assert.equal(report.data.totals[0]?.debit, String(total))
  }

  it('is seen by whoever asks for its revision, again and again', async () => {
    for (let round = 0; round < 60; round++) await writeAndRead()
  })

  const hits = async (): Promise<number> => {
    const { text } = await book.rest.get('/metrics')
    return Number(/daybook_cache_answers_total\{result="hit"\} (\d+)/.exec(text)?.[1] ?? 0)
  }

  it('is answered from the cache when nothing has changed', async () => {
    const read = () => book.get<AccountResource>('/accounts/asset:cash')
    const { text } = await read()
    assert.ok((await redis.keys('answer:*')).length > 0)
    const before = await hits()
    assert.equal((await read()).text, text)
    assert.equal(await hits(), before + 1)
    await redis.flushall()
    assert.equal((await read()).text, text)
  })

  it('is not kept in the cache behind a cursor, where one reader goes once', async () => {
    for (let round = 0; round < 2; round++) await writeAndRead()
    const list = '/accounts/asset:cash/entries?limit=1'
    const { meta } = await book.get(list)
    const read = () => book.get<StatementLine[]>(`${list}&cursor=${meta.nextCursor}`)
    const { status, text } = await read()
    assert.equal(status, 200, text)
    const before = await hits()
    assert.equal((await read()).text, text)
    assert.equal(await hits(), before)
  })

  it('is seen though the cache is flushed in between', async () => {
    for (let round = 0; round < 40; round++) {
      const written = writeAndRead()
      await redis.flushall()
      await written
    }
  })

  it('is seen though the cache loses some of what it holds', async () => {
    for (let round = 0; round < 30; round++) {
      const tags = await redis.keys('tag:*')
      const lost = tags.filter((_, index) => index % 2 === round % 2)
      if (lost.length > 0) await redis.del(...lost)
      await writeAndRead()
    }
  })

  it('is seen while the cache is stopped, and once it is back', async () => {
    await cache.stop()
    for (let round = 0; round < 15; round++) await writeAndRead()
    cache = await startCache(cache)
    for (let round = 0; round < 15; round++) await writeAndRead()
  })

  it('is asked for too early when it is still to come: 503, and when to try again', async () => {
    const headers = { 'daybook-min-revision': String(book.revision + 1) }
    const answer = await book.rest.get(`${book.path}/accounts/asset:cash`, headers)
    assert.equal(answer.status, 503)
    assert.equal(answer.error.code, 'not_yet_visible')
    assert.match(answer.headers.get('retry-after') ?? '', /^\d+$/)
  })

  it('is not said to be seen where a tag says more than Postgres has', async () => {
    const { revision } = book
    for (const tag of await redis.keys('tag:*')) await redis.set(tag, `${revision + 9}:lost`)
    const address = `${book.path}/accounts/asset:cash`
    const shown = await book.rest.get(address)
    assert.equal(revisionOf(shown), revision, shown.text)
    const headers = { 'daybook-min-revision': String(revision + 1) }
    const early = await book.rest.get(address, headers)
    assert.equal(early.error?.code, 'not_yet_visible', early.text)
    await writeAndRead()
  })
})
