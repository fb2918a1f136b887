import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { ledger } from '../../src/projections/ledger/ledger.ts'
import type { OperationResource } from '../../src/queries/projections.ts'
import type { AccountResource } from '../../src/queries/resources.ts'
import { openAccounts, openBook, type TestBook, transfer } from '../support/book.ts'
import { type Daybook, freshEnvironment, openDaybook } from '../support/daybook.ts'
import { assertShowsItsEvents } from '../support/fold.ts'
import {
  liveSchema,
  reportOf,
  startRebuild,
  untilEnded,
  untilStage,
} from '../support/operations.ts'
import { buildStageGates, shutStageGate } from '../support/stage-gate.ts'

const codes = ['asset:cash', 'asset:bank', 'income:sales']

/** Rows of the live build as no fold would leave them: what does not hold then. */
const broken = {
  'update {schema}.account set posted = posted + 1': /sum to zero in each currency/,
  'update {schema}.account set entry_count = entry_count + 1': /as many entries as it counts/,
  'delete from {schema}.entry where line = 0': /sum to what is posted/,
  'update {schema}.book set transaction_count = 0': /counts its open accounts/,
} as const

describe('a rebuild of the ledger', function () {
  this.timeout(120_000)
  let running: Daybook
  let db: pg.Client
  let books: TestBook[]

  before(async () => {
    running = await openDaybook(await freshEnvironment())
    db = new pg.Client({ connectionString: running.environment['DATABASE_URL'] as string })
    await db.connect()
    books = []
    for (let count = 0; count < 3; count++) {
      const book = await openBook(running.rest)
      await openAccounts(book, codes)
      await write(book, 3, 40)
      books.push(book)
    }
  })
  after(async () => {
    await db?.end()
    await running?.close()
  })

  const write = async (book: TestBook, batches: number, size: number): Promise<void> => {
    for (let batch = 0; batch < batches; batch++) {
      const transactions = Array.from({ length: size }, (_, index) =>
        transfer('income:sales', index % 2 === 0 ? 'asset:cash' : 'asset:bank', index + 1),
      )
      const { status, text } = await book.post('/transactions/batch', { transactions })
      assert.equal(status, 201, text)
    }
  }
  const schema = () => liveSchema(db)
  const show = async () => {
    for (const book of books) await assertShowsItsEvents(running, book)
  }

  it('goes live verified, in a schema of its own, while it is written', async () => {
    const before = await schema()
    const { id } = await startRebuild(running.rest)
    await Promise.all(books.map((book) => write(book, 10, 20)))
    const operation = await untilEnded(running.rest, id)
    assert.equal(operation.stage, 'live', operation.error ?? '')
    assert.equal(await schema(), operation.schema)
    assert.notEqual(operation.schema, before)
    const { compared, problems } = reportOf(operation)
    assert.deepEqual([compared, problems], [true, []])
    await show()
    await Promise.all(books.map((book) => write(book, 3, 20)))
    await show()
  })

  it('can be taken back, and back again, and shows what came in between', async () => {
    const { id } = await startRebuild(running.rest)
    const first = await schema()
    await untilStage(running.rest, id, 'live')
    await Promise.all(books.map((book) => write(book, 2, 20)))
    const back = await running.rest.post<OperationResource>('/v1/projections/ledger/rollback', {})
    assert.equal(back.status, 202, back.text)
    await untilStage(running.rest, back.data.id, 'live')
    assert.equal(await schema(), first)
    await Promise.all(books.map((book) => write(book, 2, 20)))
    await show()
    await running.rest.post('/v1/projections/ledger/rollback', {})
    await untilStage(running.rest, id, 'live')
    await show()
  })

  it('fails and names the row where the live one was changed by hand', async () => {
    const [book] = books as [TestBook]
    const [account] = (await book.get<AccountResource[]>('/accounts')).data
    const live = await schema()
    const where = `update ${live}.account set posted = posted`
    await db.query(`${where} + 1 where id = $1`, [account?.id])
    const { id } = await startRebuild(running.rest)
    const operation = await untilEnded(running.rest, id)
    assert.equal(operation.stage, 'failed')
    assert.match(operation.error ?? '', /account of the live build .* some of its \d+ rows were/)
    assert.match(operation.error ?? '', /rebuild with --may-differ/)
    const { events_done, events_total } = operation.progress
    assert.equal(events_done, events_total)
    const [difference, ...others] = reportOf(operation).differences
    assert.deepEqual(others, [])
    assert.deepEqual(difference?.key, { id: account?.id })
    assert.deepEqual(Object.keys(difference?.built ?? {}), ['posted'])
    assert.equal(await schema(), live)
    await db.query(`${where} - 1 where id = $1`, [account?.id])
  })

  it('is compared and not made live where that is all that was asked for', async () => {
    const live = await schema()
    const { rows } = await db.query(`delete from ${live}.entry where line = 0 returning *`)
    const { id } = await startRebuild(running.rest, { kind: 'diff' })
    const operation = await untilEnded(running.rest, id)
    assert.equal(operation.stage, 'done', operation.error ?? '')
    const { differences } = reportOf(operation)
    assert(differences.length > 0 && differences.every(({ live }) => live === null))
    assert.equal(await schema(), live)
    assert(rows.length > 0)
  })

  it('mends what was changed by hand where its being different is allowed', async () => {
    const { id } = await startRebuild(running.rest, { may_differ: true, keep_seconds: 0 })
    const operation = await untilEnded(running.rest, id)
    assert.equal(operation.stage, 'live', operation.error ?? '')
    await show()
  })

  it('of some books copies what the live one has of the others', async () => {
    const [folded, copied] = books as [TestBook, TestBook]
    const live = await schema()
    const change = (book: TestBook) =>
      db.query(`update ${live}.account set name = 'by hand' where book_id = $1`, [book.id])
    await change(folded)
    await change(copied)
    const { id } = await startRebuild(running.rest, { books: [folded.id], may_differ: true })
    await untilStage(running.rest, id, 'live')
    const namesOf = async (book: TestBook) => {
      const { rows } = await db.query(
        `select distinct name from ${await schema()}.account where book_id = $1`,
        [book.id],
      )
      return rows.map(({ name }) => name)
    }
    assert(!(await namesOf(folded)).includes('by hand'))
    assert.deepEqual(await namesOf(copied), ['by hand'])
    const { id: whole } = await startRebuild(running.rest, { may_differ: true })
    await untilStage(running.rest, whole, 'live')
    await show()
  })

  it('never goes live with a fault of its own, though it may differ', async () => {
    const [folded, copied] = books as [TestBook, TestBook]
    const live = await schema()
    const change = (by: string) =>
      db.query(`update ${live}.account set posted = posted ${by} where book_id = $1`, [copied.id])
    await change('+ 1')
    const { id } = await startRebuild(running.rest, { books: [folded.id], may_differ: true })
    const operation = await untilEnded(running.rest, id)
    assert.equal(operation.stage, 'failed')
    assert.match(operation.error ?? '', /sum to zero.*the live build is as it was\.$/)
    assert.equal(await schema(), live)
    await change('- 1')
  })

  it('finds a hold among rows that were written long before it is looked for', async () => {
    const book = await openBook(running.rest)
    await openAccounts(book, codes)
    const hold = { ...transfer('income:sales', 'asset:cash', 5), status: 'pending' }
    const held = await book.post<{ id: string }>('/transactions', hold)
    // More than a page has.
    await write(book, 4, 1_000)
    const posted = await book.post(`/transactions/${held.data.id}/post`, {})
    assert.equal(posted.status, 200, posted.text)
    const { id } = await startRebuild(running.rest, { books: [book.id] })
    const operation = await untilEnded(running.rest, id)
    assert.equal(operation.stage, 'live', operation.error ?? '')
    await assertShowsItsEvents(running, book)
  })

  it('asks for what must hold of the rows, and finds it where they are as folded', async () => {
    const live = await schema()
    const brokenIn = async () => {
      const names: string[] = []
      await db.query(`set search_path = ${live}`)
      for (const [name, sql] of Object.entries(ledger.invariants ?? {})) {
        if ((await db.query(sql)).rowCount) names.push(name)
      }
      return names.join('; ')
    }
    assert.equal(await brokenIn(), '')
    for (const [change, name] of Object.entries(broken)) {
      await db.query('begin')
      await db.query(change.replace('{schema}', live))
      assert.match(await brokenIn(), name)
      await db.query('rollback')
    }
  })

  it('is refused while another is at work, and of what is not there', async () => {
    const { id } = await startRebuild(running.rest)
    const second = await running.rest.post('/v1/projections/ledger/rebuild', {})
    assert.equal(second.error.code, 'operation_not_possible')
    assert.match(second.error.message, new RegExp(id))
    const unknown = await running.rest.post('/v1/projections/nothing/rebuild', {})
    assert.equal(unknown.error.code, 'projection_not_found')
    const books = [randomUUID()]
    await untilEnded(running.rest, id)
    const strange = await running.rest.post('/v1/projections/ledger/rebuild', { books })
    assert.deepEqual([strange.status, strange.error.code], [404, 'book_not_found'])
    assert(strange.error.message.includes(`no book ${books[0]}`), strange.text)
  })

  describe('in the midst of folding', () => {
    before(async () => {
      // More than are folded at once.
      while (books.length < 8) {
        const book = await openBook(running.rest)
        await openAccounts(book, codes)
        await write(book, 1, 5)
        books.push(book)
      }
      await show()
      await buildStageGates(db)
    })

    type Row = { readonly worker: string | null; readonly until: string; readonly total: number }
    const rowOf = async (id: string): Promise<Row> => {
      const { rows } = await db.query<Row>(
        `select worker, lease_until::text as until, events_total::int4 as total
         from projection.build where operation = $1`,
        [id],
      )
      return rows[0] as Row
    }
    const foldedIn = async ({ schema }: OperationResource): Promise<number> => {
      const sum = `select coalesce(sum(revision + 1), 0)::int4 as folded from ${schema}.checkpoint`
      return (await db.query<{ folded: number }>(sum)).rows[0]?.folded ?? 0
    }

    /** Gives an order while pages are written and not committed, and lets them go when it is seen. */
    const orderInMidst = async (what: string): Promise<OperationResource> => {
      const url = running.environment['DATABASE_URL'] as string
      const gate = await shutStageGate(url, 'folding')
      try {
        const operation = await startRebuild(running.rest)
        await gate.whoStands()
        const answer = await running.rest.post(`/v1/operations/${operation.id}/${what}`, {})
        assert.equal(answer.status, 200, answer.text)
        // Who renews its lease sees the order; by the second time it has been taken.
        for (let renewals = 0; renewals < 2; renewals++) {
          const { until } = await rowOf(operation.id)
          while ((await rowOf(operation.id)).until === until) await sleep(20)
        }
        return operation
      } finally {
        await gate.open()
      }
    }

    it('stands still when it is paused, and goes live when it goes on', async () => {
      const before = await schema()
      const operation = await orderInMidst('pause')
      while ((await rowOf(operation.id)).worker !== null) await sleep(20)
      const folded = await foldedIn(operation)
      assert(folded < (await rowOf(operation.id)).total, `all ${folded} events are folded`)
      await write(books[0] as TestBook, 1, 5)
      await show()
      assert.deepEqual([await foldedIn(operation), await schema()], [folded, before])
      const path = `/v1/operations/${operation.id}`
      const { data } = await running.rest.get<OperationResource>(path)
      assert.deepEqual([data.stage, data.state], ['folding', 'paused'])
      await running.rest.post(`${path}/resume`, {})
      const ended = await untilEnded(running.rest, operation.id)
      assert.equal(ended.stage, 'live', ended.error ?? '')
      assert.deepEqual([await schema(), reportOf(ended).problems], [operation.schema, []])
      await show()
    })

    it('ends when it is cancelled, and leaves the live one as it was', async () => {
      const before = await schema()
      const { id } = await orderInMidst('cancel')
      const ended = await untilEnded(running.rest, id)
      assert.deepEqual([ended.stage, ended.error], ['cancelled', null])
      assert(ended.progress.events_done < (ended.progress.events_total ?? 0))
      assert.equal(await schema(), before)
      await show()
    })
  })
})
