import assert from 'node:assert/strict'
import { ledger } from '../../src/projections/ledger/ledger.ts'
import { untyped } from '../../src/projections/projection.ts'
import { bookOf } from '../../src/queries/find-account.ts'
import { listAccounts } from '../../src/queries/list-accounts.ts'
import { cursorSigner } from '../../src/queries/page.ts'
import type { Query } from '../../src/queries/query.ts'
import { connectPostgres, type Database } from '../../src/runtime/postgres.ts'
import { liveBuildOf } from '../../src/runtime/projections/live.ts'
import { AnotherBuild, readTransactions } from '../../src/runtime/read-transaction.ts'
import { openAccounts, openBook, type TestBook } from '../support/book.ts'
import { daybook } from '../support/daybook.ts'

const count = 8

describe('a query of one statement', function () {
  this.timeout(60_000)

  let pool: Database
  let read: ReturnType<typeof readTransactions>
  let build: number
  let book: TestBook

  before(async () => {
    const { rest, environment } = await daybook()
    book = await openBook(rest)
    const codes = Array.from({ length: count }, (_, index) => `asset:${index}`)
    await openAccounts(book, codes)
    await book.get('/accounts')
    const url = environment['DATABASE_URL'] as string
    pool = connectPostgres(url, { max: 1, statementMs: 10_000, onError: () => {} })
    const live = liveBuildOf(pool, untyped(ledger))
    build = await live.known()
    const schema = live.schemaOf(build)
    // Whichever build is asked for, its tables are those of the one that is live.
    read = readTransactions(pool, { ...live, schemaOf: () => schema }, cursorSigner('a secret'))
  })
  after(() => pool?.end())

  const ask = async <Parameters>(
    query: Query<Parameters, unknown>,
    parameters: Parameters,
    asked = build,
  ) => {
    const question = {
      build: asked,
      query: query as Query<unknown, unknown>,
      bookId: book.id,
      parameters,
      name: query.name,
      tags: [],
      comesAgain: false,
    }
    const shown = await read(question, null)
    assert.ok(shown)
    const { data } = JSON.parse(shown.body) as { data: unknown }
    return { data, revision: shown.revision }
  }

  const once = (run: Query<object, unknown>['run']): Query<object, unknown> => ({
    name: 'test',
    tags: () => [],
    isOneStatement: () => true,
    run,
  })

  it('says what the book is like beside its rows, and nothing of that in them', async () => {
    const codes = once(async (reading) => {
      const codes = reading.db.selectFrom('account').select('code').where('book_id', '=', book.id)
      const rows = await codes.orderBy('code', 'desc').limit(2).execute()
      return { data: [rows, bookOf(reading)], meta: {} }
    })
    const { data, revision } = await ask(codes, {})
    const [rows, { time_zone, account_count }] = data as [object[], Record<string, unknown>]
    assert.deepEqual(rows, [{ code: 'asset:7' }, { code: 'asset:6' }])
    assert.deepEqual([time_zone, account_count], ['UTC', count])
    assert.equal(revision, book.revision)
  })

  it('says it where there are no rows, too', async () => {
    const none = once(async (reading) => {
      const rows = await reading.db
        .selectFrom('account')
        .selectAll()
        .where('code', '=', '')
        .execute()
      return { data: rows, meta: {} }
    })
    assert.deepEqual((await ask(none, {})).data, [])
    assert.equal((await ask(none, {})).revision, book.revision)
  })

  it('may not ask a second one, which would see another snapshot', async () => {
    const twice = once(async ({ db }) => {
      await db.selectFrom('account').select('id').execute()
      return { data: await db.selectFrom('entry').select('line').execute(), meta: {} }
    })
    await assert.rejects(ask(twice, {}), /test is not the one statement that it said it was/)
  })

  it('may not ask what the book is like before it is known', async () => {
    const early = once(async (reading) => ({ data: bookOf(reading), meta: {} }))
    await assert.rejects(ask(early, {}), /test asks for the state of the book before it is known/)
  })

  it('is not answered from a build that is not live', async () => {
    await assert.rejects(ask(listAccounts, {}, build + 1), AnotherBuild)
  })
})
