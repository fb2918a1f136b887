import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { openAccounts, openBook, type TestBook, toBook, transfer } from '../support/book.ts'
import { type Breakable, openBreakable, type PartName, partNames } from '../support/breakable.ts'
import { deckOf } from '../support/deck.ts'
import { assertShowsItsEvents } from '../support/fold.ts'
import { liveSchema, reportOf, startRebuild, untilEnded } from '../support/operations.ts'
import { type Random, randomOf } from '../support/random.ts'
import { buildStageGates, type StageGate, shutStageGate } from '../support/stage-gate.ts'

const rebuilds = Number(process.env['DAYBOOK_REBUILDS'] ?? 3)
const seed = Number(process.env['DAYBOOK_SEED'] ?? 7)

const codes = ['asset:cash', 'asset:bank', 'income:sales', 'expense:rent']
const stages = ['folding', 'indexing', 'constraining', 'catching_up', 'verifying'] as const
type Stage = (typeof stages)[number]
type Struck = { readonly stage: string; readonly parts: readonly PartName[] }

describe('a rebuild while anything is killed, with readers and writers at it', function () {
  this.timeout(120_000 + rebuilds * 60_000)
  let breakable: Breakable
  let books: TestBook[]
  const random = randomOf(seed)
  /** All stages and parts come to their turn, in an order of the seed's. */
  const nextStage = deckOf(random.next, stages)
  const nextPart = deckOf(random.next, partNames)
  const struckAt = new Set<string>()

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
    await withDatabase(buildStageGates)
  })
  after(() => breakable?.close())

  const databaseUrl = () => breakable.running.environment['DATABASE_URL'] as string

  const withDatabase = async <Result>(work: (db: pg.Client) => Promise<Result>) => {
    const client = new pg.Client({ connectionString: databaseUrl() })
    await client.connect()
    try {
      return await work(client)
    } finally {
      await client.end()
    }
  }

  const live = () => withDatabase((db) => liveSchema(db))

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

  /** Kills parts while the build stands at a stage; says which it was, as Postgres has it. */
  const strike = async (
    id: string,
    gate: StageGate,
    choose: (holder: PartName) => readonly PartName[],
  ): Promise<Struck> => {
    try {
      const holder = (await gate.whoStands()) as PartName
      const parts = choose(holder)
      const stage = await withDatabase(async (db) => {
        const known = 'select stage from projection.build where operation = $1'
        return (await db.query<{ stage: string }>(known, [id])).rows[0]?.stage ?? ''
      })
      await breakable.kill(...parts)
      await gate.open()
      // Of a worker that is killed the lease runs out by itself after ten seconds.
      const expire = 'update projection.build set lease_until = now() where operation = $1'
      if (parts.includes(holder)) await withDatabase((db) => db.query(expire, [id]))
      return { stage, parts }
    } finally {
      await gate.open()
    }
  }

  /** Whoever works at the build is killed at the first stage, and maybe again at the second, with others. */
  const rebuild = async (first: Stage, second: Stage) => {
    const { rest } = breakable
    const firstGate = await shutStageGate(databaseUrl(), first)
    const secondGate = await shutStageGate(databaseUrl(), second)
    const struck: Struck[] = []
    try {
      const { id } = await startRebuild(rest, { keep_seconds: 0 })
      struck.push(await strike(id, firstGate, (holder) => [holder]))
      const parts = random.chance(0.3) ? [nextPart(), nextPart()] : [nextPart()]
      const withHolder = random.chance(0.5)
      const doomed = (holder: PartName) => [...new Set(withHolder ? [...parts, holder] : parts)]
      struck.push(await strike(id, secondGate, doomed))
      return { struck, operation: await untilEnded(rest, id) }
    } finally {
      await Promise.all([firstGate.open(), secondGate.open()])
    }
  }

  for (let round = 1; round <= rebuilds; round++) {
    it(`goes live verified, whatever is killed (seed ${seed}, ${round})`, async () => {
      const before = await live()
      const one = nextStage()
      const next = nextStage()
      const other = next === one ? nextStage() : next
      const [first, second] = stages.filter((stage) => stage === one || stage === other)
      assert(first && second)
      const repeats = breakable.repeats()
      const slow = breakable.slowRefusals()
      const [{ struck, operation }, reads] = await during(round, () => rebuild(first, second))
      const killed = struck.map(({ stage, parts }) => `${parts.join(' and ')} at ${stage}`)
      const asked = `${reads} rounds of reads, ${breakable.repeats() - repeats} asked again`
      const late = `${breakable.slowRefusals() - slow} of these writes with nothing away but time`
      console.log(`      ${killed.join(', ')}: ${operation.stage}, ${asked}, ${late}`)
      assert.deepEqual(
        struck.map(({ stage }) => stage),
        [first, second],
      )
      for (const { stage } of struck) struckAt.add(stage)
      assert.equal(operation.stage, 'live', operation.error ?? '')
      assert.deepEqual(reportOf(operation).problems, [])
      assert.deepEqual([await live(), operation.schema === before], [operation.schema, false])
      for (const book of books) await assertShowsItsEvents(breakable.running, book, () => false)
      assert(reads > 0)
      assert.deepEqual(breakable.deaths(), [])
    })
  }

  it('has been struck at every stage', () => {
    const missing = stages.filter((stage) => !struckAt.has(stage))
    assert.deepEqual(missing, rebuilds < 3 ? missing : [])
  })
})
