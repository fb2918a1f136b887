import assert from 'node:assert/strict'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Queue } from 'bullmq'
import { Redis } from 'ioredis'
import type pg from 'pg'
import { startPostgres } from '../../src/local/postgres.ts'
import { startProgram } from '../../src/local/program.ts'
import { startRedis } from '../../src/local/redis.ts'
import { type Daybook, freshEnvironment, openDaybook } from '../support/daybook.ts'
import { deckOf } from '../support/deck.ts'
import { testDirectory } from '../support/services.ts'
import { openWrites, type Writes } from './all-writes.ts'
import { checkLog } from './check-log.ts'
import { checkRows, readCheckpoints, readHalts } from './check-rows.ts'
import { type Log, readLog } from './log-reader.ts'
import {
  buildGates,
  type Held,
  type Place,
  shutGate,
  untilGone,
  untilIdle,
  withDatabase,
} from './page-gate.ts'
import { keepUp, type Part } from './part.ts'
import { seeded } from './random.ts'

const main = fileURLToPath(new URL('../../src/main.js', import.meta.url))
const seed = Number(process.env['FAULT_SEED'] ?? 1)
const faults = Number(process.env['DAYBOOK_PROJECTION_FAULTS'] ?? 30)
/** All of them come to their turn before any comes again. */
const kinds = [
  'worker killed',
  'worker killed in its commit',
  'worker stopped in a page',
  'worker stopped in a page for long',
  'database killed',
  'database killed in a commit',
  'jobs doubled',
  'jobs reordered',
  'jobs lost',
  'queue away',
] as const
type Kind = (typeof kinds)[number]
/** How many workers there are while all kinds come once, in turn. */
const sizes = [2, 5, 1]
/** After so long Postgres ends a transaction that stands still; else it waits for five seconds. */
const standingMs = 1_500
const awayMs = 3_000

describe('the read model, whatever becomes of its jobs, workers and database', function () {
  this.timeout(180_000 + faults * 20_000)
  /** The order of the faults follows from the seed; what else is drawn also from what comes when. */
  const dealing = seeded(seed)
  const random = seeded(seed + 1)
  let running: Daybook
  let postgres: Part
  let queue: Part
  let hints: Queue
  let redis: Redis
  let writes: Writes
  let environment: Readonly<Record<string, string>>
  let databaseUrl: string
  /** Until then the queue stays away, whatever else is struck meanwhile. */
  let back: Promise<unknown> = Promise.resolve()
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
    queue = keepUp('queue', async (previous) => {
      await back
      return startRedis({ ...forQueue, policy: 'noeviction', persistent: false, previous })
    })
    const queueUrl = (await queue.whenUp()).url
    databaseUrl = (await postgres.whenUp()).url
    environment = {
      ...(await freshEnvironment()),
      DATABASE_URL: databaseUrl,
      REDIS_QUEUE_URL: queueUrl,
    }
    redis = new Redis(queueUrl, { maxRetriesPerRequest: 1, enableOfflineQueue: false })
    redis.on('error', () => {})
    hints = new Queue('daybook', { connection: redis as never })
    hints.on('error', () => {})
    running = await openDaybook(environment, { hasWorker: false })
    await resize(sizes[0] as number)
    writes = await openWrites(running.rest, random)
    await untilFolded()
    await buildGates(databaseUrl)
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
      const limit = `idle_in_transaction_session_timeout=${standingMs}`
      const own = `${databaseUrl}?application_name=${name}&${limit}`
      const start = () =>
        startProgram({
          name,
          script,
          logFile,
          environment: { ...environment, DATABASE_URL: own },
          stopGraceMs: 15_000,
          signal: forever,
        })
      workers.push(keepUp(name, start))
    }
    await Promise.all(workers.map((worker) => worker.whenUp()))
  }

  /** Until all that was written up to now is in both projections. */
  const untilFolded = async (): Promise<void> => {
    const written = writes.books.map(({ id, revision }) => ({ id, revision }))
    await withDatabase(databaseUrl, (db) => untilAt(db, written))
  }

  const untilQueueAnswers = async (): Promise<void> => {
    while ((await redis.ping().catch(() => '')) !== 'PONG') await sleep(20)
  }

  const hint = async (count: number, delay: () => number, lifo: boolean): Promise<void> => {
    await untilQueueAnswers()
    const jobs = Array.from({ length: count }, () => ({
      name: 'book',
      data: { book: random.pick(writes.books).id },
      opts: { removeOnComplete: true, removeOnFail: true, delay: delay(), lifo },
    }))
    await hints.addBulk(jobs)
  }

  /** While a page of somebody's stands at a place, which is left when the work is done. */
  const atGate = async (
    gateAt: Place,
    work: (held: Held, worker: Part, open: () => Promise<void>) => Promise<unknown>,
  ): Promise<void> => {
    const gate = await shutGate(databaseUrl, gateAt)
    try {
      await writes.next()
      await writes.next()
      const held = await gate.whoStands()
      const worker = workers.find(({ name }) => name === held.worker)
      assert(worker, held.worker)
      await work(held, worker, gate.open)
    } finally {
      await gate.open()
    }
  }

  /** Its page is written and not committed, and its locks are kept, until the work is done. */
  const stopInPage = (work: (held: Held) => Promise<unknown>): Promise<void> =>
    atGate('page', (held, worker, open) =>
      worker.freezeDuring(async () => {
        await open()
        await untilIdle(databaseUrl, held)
        await work(held)
      }),
    )

  const strikes: Readonly<Record<Kind, () => Promise<unknown>>> = {
    'worker killed': () => random.pick(workers).kill(),
    'worker killed in its commit': () => atGate('commit', (_, worker) => worker.kill()),
    'worker stopped in a page': () => stopInPage(() => sleep(random.int(100, 1_500))),
    'worker stopped in a page for long': () =>
      stopInPage(async (held) => {
        await untilGone(databaseUrl, held)
        // The others fold what it has left, before it goes on as if nothing had been.
        if (workers.length > 1) await untilFolded()
      }),
    'database killed': () => postgres.kill(),
    'database killed in a commit': () => atGate('commit', () => postgres.kill()),
    'jobs doubled': () => hint(random.int(10, 60), () => 0, false),
    'jobs reordered': async () => {
      await untilQueueAnswers()
      await hints.pause()
      await writes.next()
      await hint(random.int(5, 30), () => 0, true)
      await hint(random.int(5, 30), () => random.int(1, 300), false)
      await hints.resume()
    },
    'jobs lost': async () => {
      await untilQueueAnswers()
      await redis.flushall()
    },
    'queue away': async () => {
      await queue.whenUp()
      const isFolded = queue.kill().then(writes.next).then(untilFolded)
      back = Promise.allSettled([sleep(awayMs), isFolded])
      await isFolded
    },
  }

  const strike = async (kind: Kind): Promise<void> => {
    await Promise.all([postgres, ...workers].map((part) => part.whenUp()))
    await strikes[kind]()
    await postgres.whenUp()
  }

  /** Everything folded, and row for row what the harness's own fold makes of the log. */
  const compare = async (): Promise<{ rows: number; events: number }> => {
    await Promise.all([postgres, queue, ...workers].map((part) => part.whenUp()))
    for (;;) {
      const log = await readLog(environment['EVENTSTORE_URL'] as string)
      const { ledgers, failures } = checkLog(log, new Map())
      assert.deepEqual(failures, [])
      const { failures: differences, rows } = await withDatabase(databaseUrl, async (db) => {
        await untilAt(db, [...ledgers.values()])
        return checkRows(db, ledgers)
      })
      const events = eventsIn(log)
      // A hold may have expired in the meantime.
      if (eventsIn(await readLog(environment['EVENTSTORE_URL'] as string)) > events) continue
      assert.deepEqual(differences.slice(0, 5), [])
      return { rows, events }
    }
  }

  it(`is what an independent fold of the events gives, row for row (seed ${seed})`, async () => {
    const met = new Set<string>()
    const deal = deckOf(dealing.next, kinds)
    const sizeAt = (fault: number) =>
      sizes[Math.floor(fault / kinds.length) % sizes.length] as number
    for (let fault = 0; fault < faults; fault++) {
      await resize(sizeAt(fault))
      const kind = deal()
      const struck = strike(kind)
      struck.catch(() => {})
      for (let left = random.int(1, 6); left > 0; left--) await writes.next()
      await struck
      met.add(`${kind}, ${workers.length} workers`)
      if ((fault + 1) % kinds.length === 0 || fault === faults - 1) {
        const { rows, events } = await compare()
        console.log(`      after ${fault + 1} faults: ${events} events, ${rows} rows alike`)
      }
    }
    const rounds = Math.floor(faults / kinds.length)
    const due = sizes
      .slice(0, rounds)
      .flatMap((size) => kinds.map((kind) => `${kind}, ${size} workers`))
    assert.deepEqual(
      due.filter((one) => !met.has(one)),
      [],
    )
    assert.deepEqual(
      workers.flatMap(({ deaths }) => deaths),
      [],
    )
  })
})

const eventsIn = (log: Log): number =>
  [...log.values()].reduce((sum, events) => sum + events.length, 0)

type Folded = { readonly id: string; readonly revision: number }

/** Until each of these books is folded as far, in both projections. */
const untilAt = async (db: pg.Client, books: readonly Folded[]): Promise<void> => {
  for (;;) {
    const checkpoints = await readCheckpoints(db)
    assert.deepEqual(await readHalts(db), [])
    const isBehind = ({ id, revision }: Folded) => (checkpoints.get(id)?.revision ?? -1) < revision
    if (!books.some(isBehind)) return
    await sleep(50)
  }
}
