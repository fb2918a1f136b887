import assert from 'node:assert/strict'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Queue } from 'bullmq'
import { Redis } from 'ioredis'
import pg from 'pg'
import { startPostgres } from '../../src/local/postgres.ts'
import { startProgram } from '../../src/local/program.ts'
import { startRedis } from '../../src/local/redis.ts'
import { openAccounts, openBook, type TestBook, transfer } from '../support/book.ts'
import { type Daybook, freshEnvironment, openDaybook } from '../support/daybook.ts'
import { testDirectory } from '../support/services.ts'
import { checkLog } from './check-log.ts'
import { checkRows, readCheckpoints, readHalts } from './check-rows.ts'
import { readLog } from './log-reader.ts'
import { keepUp, type Part } from './part.ts'
import { seeded } from './random.ts'

const main = fileURLToPath(new URL('../../src/main.js', import.meta.url))
const seed = Number(process.env['FAULT_SEED'] ?? 1)
const faults = Number(process.env['DAYBOOK_PROJECTION_FAULTS'] ?? 30)
/** After so many the rows are compared, and not only at the end. */
const checkEvery = 10

const codes = ['asset:cash', 'asset:bank', 'income:sales', 'expense:rent', 'liability:card']

describe('the read model, whatever becomes of its jobs, workers and database', function () {
  this.timeout(180_000 + faults * 20_000)
  const random = seeded(seed)
  let running: Daybook
  let postgres: Part
  let queue: Part
  let hints: Queue
  let redis: Redis
  let books: TestBook[]
  let environment: Readonly<Record<string, string>>
  const workers: Part[] = []

  const place = (name: string) => ({
    directory: testDirectory(name),
    logFile: join(testDirectory(`${name}-log`), `${name}.log`),
  })

  before(async () => {
    const forPostgres = place('own-postgres')
    postgres = keepUp('postgres', (previous) =>
      startPostgres({ ...forPostgres, durable: false, port: previous?.port }),
    )
    const forQueue = place('own-queue')
    queue = keepUp('queue', (previous) =>
      startRedis({ ...forQueue, policy: 'noeviction', persistent: false, previous }),
    )
    const queueUrl = (await queue.whenUp()).url
    environment = {
      ...(await freshEnvironment()),
      DATABASE_URL: (await postgres.whenUp()).url,
      REDIS_QUEUE_URL: queueUrl,
    }
    redis = new Redis(queueUrl, { maxRetriesPerRequest: 1, enableOfflineQueue: false })
    redis.on('error', () => {})
    hints = new Queue('daybook', { connection: redis as never })
    hints.on('error', () => {})
    running = await openDaybook(environment, { hasWorker: false })
    await resize(2)
    books = await Promise.all(
      [1, 2, 3].map(async () => {
        const book = await openBook(running.rest)
        await openAccounts(book, codes)
        return book
      }),
    )
  })
  after(async () => {
    await Promise.all(workers.map((worker) => worker.close()))
    await hints?.close().catch(() => {})
    redis?.disconnect()
    await running?.close()
    await queue?.close()
    await postgres?.close()
  })

  const resize = async (count: number): Promise<void> => {
    const forever = new AbortController().signal
    while (workers.length > count) await workers.pop()?.close()
    while (workers.length < count) {
      const name = `worker-${workers.length + 1}`
      const { logFile } = place(name)
      const script = [main, 'serve', 'worker']
      const start = () =>
        startProgram({ name, script, logFile, environment, stopGraceMs: 15_000, signal: forever })
      workers.push(keepUp(name, start))
    }
    await Promise.all(workers.map((worker) => worker.whenUp()))
  }

  /** What goes wrong with the hints themselves is no matter: that is what this is about. */
  const hint = async (count: number): Promise<void> => {
    const jobs = Array.from({ length: count }, () => ({
      name: 'book',
      data: { book: random.pick(books).id },
      opts: { removeOnComplete: true, removeOnFail: true, delay: random.int(0, 300) },
    }))
    await Promise.race([hints.addBulk(jobs).catch(() => {}), sleep(2_000)])
  }

  const strike = async (): Promise<string> => {
    const worker = random.pick(workers)
    const kind = random.weighted({
      'worker killed': 24,
      'worker stopped for a while': 16,
      'worker stopped for long': 3,
      'database killed': 18,
      'jobs doubled and reordered': 16,
      'jobs lost': 12,
      'queue away': 6,
      'another number of workers': 9,
    })
    switch (kind) {
      case 'worker killed':
        await worker.kill()
        break
      case 'worker stopped for a while':
        await worker.freeze(random.int(100, 1_500))
        break
      case 'worker stopped for long':
        // Past the time after which Postgres ends a transaction that stands still.
        await worker.freeze(6_500)
        break
      case 'database killed':
        await postgres.kill()
        await postgres.whenUp()
        break
      case 'jobs doubled and reordered':
        await hint(random.int(10, 60))
        break
      case 'jobs lost':
        await redis.flushall().catch(() => {})
        break
      case 'queue away':
        await queue.kill()
        await queue.whenUp()
        break
      case 'another number of workers':
        await resize(random.pick([1, 2, 5]))
        break
    }
    return kind
  }

  const write = async (): Promise<void> => {
    const book = random.pick(books)
    const transactions = Array.from({ length: random.int(1, 40) }, () => {
      const from = random.pick(codes)
      const to = random.pick(codes.filter((code) => code !== from))
      const date = new Date(Date.UTC(2020, 0, random.int(1, 2_000))).toISOString()
      const posted = transfer(from, to, random.int(1, 9_999))
      return { ...posted, ...(random.chance(0.5) && { effective_at: date }) }
    })
    // The writer may need Postgres for old lookups; while that is away it says so, and is asked again.
    for (;;) {
      const { status, text } = await book.post('/transactions/batch', { transactions })
      if (status === 201) return
      assert.equal(status, 503, text)
      await sleep(200)
    }
  }

  /** Everything folded, and row for row what the harness's own fold makes of the log. */
  const compare = async (): Promise<{ rows: number; events: number }> => {
    await Promise.all([postgres, queue, ...workers].map((part) => part.whenUp()))
    const log = await readLog(environment['EVENTSTORE_URL'] as string)
    const { ledgers, failures } = checkLog(log, new Map())
    assert.deepEqual(failures, [])
    const db = new pg.Client({ connectionString: environment['DATABASE_URL'] as string })
    await db.connect()
    try {
      for (;;) {
        const checkpoints = await readCheckpoints(db)
        assert.deepEqual(await readHalts(db), [])
        const isBehind = ({ id, revision }: { id: string; revision: number }) =>
          checkpoints.get(id)?.revision !== revision
        if (![...ledgers.values()].some(isBehind)) break
        await sleep(100)
      }
      const { failures: differences, rows } = await checkRows(db, ledgers)
      assert.deepEqual(differences.slice(0, 5), [])
      const events = [...ledgers.values()].reduce((sum, { revision }) => sum + revision + 1, 0)
      return { rows, events }
    } finally {
      await db.end()
    }
  }

  it(`is what an independent fold of the events gives, row for row (seed ${seed})`, async () => {
    const counts = new Map<string, number>()
    for (let fault = 1; fault <= faults; fault++) {
      const struck = strike()
      struck.catch(() => {})
      for (let writes = random.int(1, 5); writes > 0; writes--) await write()
      const kind = await struck
      counts.set(kind, (counts.get(kind) ?? 0) + 1)
      if (fault % checkEvery === 0 || fault === faults) {
        const { rows, events } = await compare()
        console.log(`      after ${fault} faults: ${events} events, ${rows} rows alike`)
      }
    }
    console.log(`      ${[...counts].map(([kind, count]) => `${count} x ${kind}`).join(', ')}`)
    assert.deepEqual(
      workers.flatMap(({ deaths }) => deaths),
      [],
    )
  })
})
