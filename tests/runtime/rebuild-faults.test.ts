import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { openAccounts, openBook, type TestBook, transfer } from '../support/book.ts'
import { type Daybook, freshEnvironment, openDaybook, startPart } from '../support/daybook.ts'
import { assertShowsItsEvents } from '../support/fold.ts'
import {
  liveSchema,
  reportOf,
  startRebuild,
  untilEnded,
  untilStage,
} from '../support/operations.ts'
import { type Random, randomOf } from '../support/random.ts'

const rebuilds = Number(process.env['DAYBOOK_REBUILDS'] ?? 3)
const seed = Number(process.env['DAYBOOK_SEED'] ?? 7)

const codes = ['asset:cash', 'asset:bank', 'income:sales', 'expense:rent']
const stages = ['folding', 'indexing', 'constraining', 'catching_up', 'verifying'] as const

describe('a rebuild whose workers are killed, with readers and writers at it', function () {
  this.timeout(120_000 + rebuilds * 60_000)
  let running: Daybook
  let db: pg.Client
  let books: TestBook[]
  let workers: Awaited<ReturnType<typeof startPart>>[]
  const random = randomOf(seed)

  const startWorker = () => startPart('worker', running.environment)

  before(async () => {
    running = await openDaybook(await freshEnvironment(), { hasWorker: false })
    workers = await Promise.all([startWorker(), startWorker()])
    db = new pg.Client({ connectionString: running.environment['DATABASE_URL'] as string })
    await db.connect()
    books = await Promise.all(
      [20, 5, 1].map(async (batches) => {
        const book = await openBook(running.rest)
        await openAccounts(book, codes)
        for (let batch = 0; batch < batches; batch++) await write(book, random, 400)
        return book
      }),
    )
  })
  after(async () => {
    await db?.end()
    await Promise.all((workers ?? []).map((worker) => worker.kill()))
    await running?.close()
  })

  const write = async (book: TestBook, { pick, between }: Random, size: number) => {
    const transactions = Array.from({ length: size }, () => {
      const from = pick(codes)
      const to = pick(codes.filter((code) => code !== from))
      const date = new Date(Date.UTC(2020, 0, between(1, 2_000))).toISOString()
      const isDated = between(0, 1) === 1
      return { ...transfer(from, to, between(1, 9_999)), ...(isDated && { effective_at: date }) }
    })
    const { status, text } = await book.post('/transactions/batch', { transactions })
    assert.equal(status, 201, text)
  }

  /** Goes on until told to stop; what it counts is how often. */
  const keepDoing = (work: () => Promise<void>) => {
    let isOver = false
    let count = 0
    const going = (async () => {
      while (!isOver) {
        await work()
        count++
        await sleep(10)
      }
    })()
    going.catch(() => {})
    return async () => {
      isOver = true
      await going
      return count
    }
  }

  const readAll = async () => {
    for (const { path } of books) {
      for (const below of ['', '/accounts', '/transactions?limit=5']) {
        const { status, text } = await running.rest.get(`${path}${below}`)
        assert.equal(status, 200, text)
      }
    }
  }

  /** Workers that are killed, and others in their place. */
  const killSome = async () => {
    const doomed = random.chance(0.5) ? [0, 1] : [random.between(0, 1)]
    for (const index of doomed) {
      await workers[index]?.kill()
      workers[index] = await startWorker()
    }
    return doomed.length
  }

  for (let round = 1; round <= rebuilds; round++) {
    it(`goes live verified, or fails and leaves the live one as it was (seed ${seed}, ${round})`, async () => {
      const before = await liveSchema(db)
      const writers = books.map((book, index) => {
        const own = randomOf(seed * 1_000 + round * 10 + index)
        return keepDoing(() => write(book, own, 5))
      })
      const readers = keepDoing(readAll)
      const { id, schema } = await startRebuild(running.rest, { keep_seconds: 0 })
      const stage = random.pick(stages)
      const from = stages.indexOf(stage)
      await untilStage(running.rest, id, ...stages.slice(from), 'live')
      await sleep(random.between(0, 400))
      const killed = await killSome()
      const operation = await untilEnded(running.rest, id)
      for (const stop of writers) await stop()
      const reads = await readers()
      const what = `${killed} killed while ${stage}, ${reads} rounds of reads: ${operation.stage}`
      console.log(`      ${what}${operation.error ? ` (${operation.error})` : ''}`)
      assert.equal(operation.stage, 'live', operation.error ?? '')
      assert.deepEqual(reportOf(operation).problems, [])
      assert.deepEqual([await liveSchema(db), schema === before], [schema, false])
      for (const book of books) await assertShowsItsEvents(running, book, () => false)
      assert(reads > 0)
    })
  }
})
