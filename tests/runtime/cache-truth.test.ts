import assert from 'node:assert/strict'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import type { LocalServer } from '../../src/local/child.ts'
import { startRedis } from '../../src/local/redis.ts'
import type { AccountResource, StatementLine } from '../../src/queries/resources.ts'
import type { TrialBalanceResource } from '../../src/queries/trial-balance.ts'
import { openAccounts, openBook, type TestBook, transfer } from '../support/book.ts'
import { type Daybook, freshEnvironment, openDaybook, startPart } from '../support/daybook.ts'
import { eventsOf } from '../support/log-of-book.ts'
import { randomOf } from '../support/random.ts'
import { getWhenVisible, type Rest, revisionOf } from '../support/rest.ts'
import { testDirectory } from '../support/services.ts'

const seed = Number(process.env['DAYBOOK_SEED'] ?? Date.now() % 1_000_000)
const writes = 60 * Number(process.env['DAYBOOK_RUNS_TIMES'] ?? 1)
const codes = ['asset:cash', 'asset:bank', 'income:sales', 'equity:capital']

/** What a read showed: an account's balance, and the revision that it was said to have it at. */
type Sample = {
  readonly view: string
  readonly id: string
  readonly revision: number
  readonly posted: string
}

/** Balances by account, each in its normal sign. */
type Balances = readonly (readonly [id: string, posted: string])[]

/** Where an account's balance is shown, and what is read there. */
const views: Readonly<
  Record<string, { path: (id: string) => string; shown: (data: never, id: string) => Balances }>
> = {
  account: {
    path: (id) => `/accounts/${id}`,
    shown: ({ id, balances }: AccountResource) => [[id, balances.posted]],
  },
  accounts: {
    path: () => '/accounts',
    shown: (data: readonly AccountResource[]) =>
      data.map(({ id, balances }) => [id, balances.posted]),
  },
  statement: {
    path: (id) => `/accounts/${id}/entries?sort=-effective_at&limit=2`,
    shown: ([last]: readonly StatementLine[], id) => [[id, last?.running_balance ?? '0']],
  },
  'trial balance': {
    path: () => '/reports/trial-balance',
    shown: ({ accounts }: TrialBalanceResource, id) => {
      const line = accounts.find(({ account_id }) => account_id === id)
      const debit = BigInt(line?.debit ?? 0) - BigInt(line?.credit ?? 0)
      return [[id, String(line?.type === 'asset' ? debit : -debit)]]
    },
  },
}

describe(`what the cache shows, seed ${seed}`, function () {
  this.timeout(180_000)

  let running: Daybook
  let apis: Rest[]
  let worker: Awaited<ReturnType<typeof startPart>>
  let cache: LocalServer
  let redis: Redis
  let book: TestBook
  let ids: string[]
  const random = randomOf(seed)

  before(async () => {
    cache = await startRedis({
      directory: testDirectory('truth-cache'),
      logFile: join(testDirectory('truth-cache-log'), 'cache.log'),
      policy: 'allkeys-lru',
      persistent: false,
    })
    redis = new Redis(cache.url, { maxRetriesPerRequest: null })
    const environment = { ...(await freshEnvironment()), REDIS_CACHE_URL: cache.url }
    running = await openDaybook(environment, { hasWorker: false })
    apis = [running.rest, await running.startApi()]
    worker = await startPart('worker', environment)
    book = await openBook(running.rest)
    ids = (await openAccounts(book, codes)).map(({ id }) => id)
    await book.get('/accounts')
  })
  after(async () => {
    signal('SIGCONT')
    redis?.disconnect()
    await worker?.kill()
    await running?.close()
    await cache?.stop()
  })

  const signal = (name: 'SIGSTOP' | 'SIGCONT') => {
    const { pid } = cache?.child.process ?? {}
    if (pid !== undefined) process.kill(pid, name)
  }

  const lose = async (pattern: string): Promise<void> => {
    const lost = (await redis.keys(pattern)).filter(() => random.chance(0.5))
    if (lost.length > 0) await redis.del(...lost)
  }

  const restartWorker = async (): Promise<void> => {
    await worker.kill()
    worker = await startPart('worker', running.environment)
  }

  const troubles: Readonly<Record<string, () => Promise<unknown>>> = {
    flushed: () => redis.flushall(),
    'tags evicted': () => lose('tag:*'),
    'answers evicted': () => lose('answer:*'),
    'worker killed': restartWorker,
    'worker killed between commit and tag': async () => {
      signal('SIGSTOP')
      await getWhenVisible(book.rest, `${book.path}/accounts/${ids[0]}`, book.revision)
      await worker.kill()
      signal('SIGCONT')
      worker = await startPart('worker', running.environment)
    },
    'out of reach': async () => {
      signal('SIGSTOP')
      await sleep(random.between(10, 400))
      signal('SIGCONT')
    },
  }

  it('is true at the revision that it says, and never before the one asked for', async () => {
    const samples: Sample[] = []
    const entries = Object.entries(views)
    let writing = true

    const write = async () => {
      for (let count = 0; count < writes; count++) {
        const from = random.pick(codes)
        const to = random.pick(codes.filter((code) => code !== from))
        const answer = await book.post('/transactions', transfer(from, to, random.between(1, 99)))
        assert.equal(answer.status, 201, answer.text)
        if (random.chance(0.2)) await sleep(random.between(1, 30))
      }
    }
    const read = async () => {
      for (let count = 0; writing; count++) {
        const id = random.pick(ids)
        const [view, { path, shown }] = entries[count % entries.length] as (typeof entries)[number]
        const wanted = random.chance(0.5) ? book.revision : 0
        const { get } = random.pick(apis)
        const headers = { 'daybook-min-revision': String(wanted) }
        const answer = await get<never>(`${book.path}${path(id)}`, headers)
        if (answer.status === 503 && answer.error.code === 'not_yet_visible') continue
        assert.equal(answer.status, 200, answer.text)
        const revision = revisionOf(answer)
        assert.ok(revision >= wanted, `asked for ${wanted}, shown ${revision}`)
        for (const [account, posted] of shown(answer.data, id)) {
          samples.push({ view, id: account, revision, posted })
        }
      }
    }
    const readers = Array.from({ length: 6 }, read)
    for (const trouble of Object.values(troubles)) {
      let isBusy = true
      const writers = Promise.all([write(), write(), write()]).finally(() => (isBusy = false))
      while (isBusy) {
        await trouble()
        await sleep(random.between(1, 100))
      }
      await writers
    }
    writing = false
    await Promise.all(readers)

    const history = await balancesOf(book, ids)
    assert.ok(samples.length > 100, `only ${samples.length} reads`)
    for (const { view, id, revision, posted } of samples) {
      const what = `${view} of ${id} at ${revision}, seed ${seed}`
      assert.equal(posted, history(id, revision), what)
    }
    const seen = new Set(samples.map(({ view }) => view))
    assert.deepEqual([...seen].sort(), Object.keys(views).sort())
  })

  it('is what was changed last, soon after and without asking for it', async () => {
    for (const [from, to] of [codes.slice(0, 2), codes.slice(2)] as [string, string][]) {
      await book.post('/transactions', transfer(from, to, 1))
    }
    const history = await balancesOf(book, ids)
    const asked = Object.values(views).flatMap((view) => ids.map((id) => ({ ...view, id })))
    for (const { get } of apis) {
      for (const { path, shown, id } of asked) {
        for (;;) {
          const answer = await get<never>(`${book.path}${path(id)}`)
          for (const [account, posted] of shown(answer.data, id)) {
            assert.equal(posted, history(account, revisionOf(answer)), path(id))
          }
          if (revisionOf(answer) === book.revision) break
          await sleep(10)
        }
      }
    }
  })

  /** Balances in their normal sign, as they follow from the log alone. */
  const balancesOf = async ({ id: bookId }: TestBook, accounts: readonly string[]) => {
    const events = await eventsOf(running, bookId)
    return (id: string, revision: number): string => {
      const isDebit = accounts.indexOf(id) < 2
      let balance = 0n
      for (const event of events) {
        if (event.revision > revision || event.type !== 'TransactionsRecorded') continue
        for (const { entries } of event.data.transactions) {
          for (const { account, direction, amount } of entries) {
            if (account !== id) continue
            balance += (direction === 'debit') === isDebit ? BigInt(amount) : -BigInt(amount)
          }
        }
      }
      return String(balance)
    }
  }
})
