import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { openAccounts, openBook, type TestBook, toBook, transfer } from '../support/book.ts'
import { type Breakable, openBreakable, type PartName, partNames } from '../support/breakable.ts'
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
type Strike = { readonly parts: readonly PartName[]; readonly stage: number; readonly wait: number }

describe('a rebuild while anything is killed, with readers and writers at it', function () {
  this.timeout(120_000 + rebuilds * 60_000)
  let breakable: Breakable
  let books: TestBook[]
  const random = randomOf(seed)
  /** All parts come to their turn, in an order of the seed's. */
  const doomed: PartName[] = []

  before(async () => {
    breakable = await openBreakable()
    books = await Promise.all(
      [20, 5, 1].map(async (batches) => {
        const opened = await openBook(breakable.rest)
        await openAccounts(opened, codes)
        const book = toBook(breakable.anyRest, opened.id, opened.revision)
        for (let batch = 0; batch < batches; batch++) await write(book, random, 400)
        return book
      }),
    )
  })
  after(() => breakable?.close())

  const live = async (): Promise<string> => {
    const url = breakable.running.environment['DATABASE_URL'] as string
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    try {
      return await liveSchema(client)
    } finally {
      await client.end()
    }
  }

  const write = async (book: TestBook, { pick, between }: Random, size: number) => {
    const transactions = Array.from({ length: size }, () => {
      const from = pick(codes)
      const to = pick(codes.filter((code) => code !== from))
      const date = new Date(Date.UTC(2020, 0, between(1, 2_000))).toISOString()
      const isDated = between(0, 1) === 1
      return { ...transfer(from, to, between(1, 9_999)), ...(isDated && { effective_at: date }) }
    })
    const key = { 'idempotency-key': randomUUID() }
    const { status, text } = await book.post('/transactions/batch', { transactions }, key)
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
        const { status, text } = await breakable.anyRest.get(`${path}${below}`)
        assert.equal(status, 200, text)
      }
    }
  }

  /** One part or two at once, at a stage and some time after. */
  const nextStrike = (): Strike => {
    const parts: PartName[] = []
    for (const count = random.chance(0.3) ? 2 : 1; parts.length < count; ) {
      if (doomed.length === 0) doomed.push(...partNames)
      const [part] = doomed.splice(random.between(0, doomed.length - 1), 1)
      if (part && !parts.includes(part)) parts.push(part)
    }
    const stage = random.between(0, stages.length - 1)
    return { parts, stage, wait: random.between(0, 400) }
  }

  /** What goes on in a round, until the round is over however it ends. */
  const during = async <Result>(
    round: number,
    work: () => Promise<Result>,
  ): Promise<readonly [Result, number]> => {
    const readers = keepDoing(readAll)
    const writers = books.map((book, index) => {
      const own = randomOf(seed * 1_000 + round * 10 + index)
      return keepDoing(() => write(book, own, 5))
    })
    const stop = () => Promise.all([readers(), ...writers.map((writer) => writer())])
    try {
      const result = await work()
      const [reads] = await stop()
      return [result, reads]
    } finally {
      await stop().catch(() => {})
    }
  }

  const rebuild = async (strikes: readonly Strike[]) => {
    const { rest } = breakable
    const { id } = await startRebuild(rest, { keep_seconds: 0 })
    for (const { parts, stage, wait } of strikes) {
      await untilStage(rest, id, ...stages.slice(stage), 'live', 'failed')
      await sleep(wait)
      await breakable.kill(...parts)
    }
    return untilEnded(rest, id)
  }

  for (let round = 1; round <= rebuilds; round++) {
    it(`goes live verified, whatever is killed (seed ${seed}, ${round})`, async () => {
      const before = await live()
      const strikes = [nextStrike(), nextStrike()].sort((one, other) => one.stage - other.stage)
      const killed = strikes.map(({ parts, stage }) => `${parts.join(' and ')} at ${stages[stage]}`)
      const repeats = breakable.repeats()
      const slow = breakable.slowRefusals()
      const [operation, reads] = await during(round, () => rebuild(strikes))
      const asked = `${reads} rounds of reads, ${breakable.repeats() - repeats} asked again`
      const late = `${breakable.slowRefusals() - slow} of these with nothing away but time`
      console.log(`      ${killed.join(', ')}: ${operation.stage}, ${asked}, ${late}`)
      assert.equal(operation.stage, 'live', operation.error ?? '')
      assert.deepEqual(reportOf(operation).problems, [])
      assert.deepEqual([await live(), operation.schema === before], [operation.schema, false])
      for (const book of books) await assertShowsItsEvents(breakable.running, book, () => false)
      assert(reads > 0)
      assert.deepEqual(breakable.deaths(), [])
    })
  }
})
