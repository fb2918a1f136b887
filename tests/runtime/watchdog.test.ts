import assert from 'node:assert/strict'
import { once } from 'node:events'
import pg from 'pg'
import { openAccounts, openBook, transfer } from '../support/book.ts'
import { freshEnvironment, openDaybook, startPart } from '../support/daybook.ts'
import { assertShowsItsEvents } from '../support/fold.ts'
import { liveSchema } from '../support/operations.ts'

describe('a worker whose projections stand still', function () {
  this.timeout(60_000)

  it('ends itself while the log goes on, and the next one folds what it left', async () => {
    const environment = { ...(await freshEnvironment()), DAYBOOK_WATCHDOG_SECONDS: '3' }
    const running = await openDaybook(environment, { hasWorker: false })
    const worker = await startPart('worker', environment)
    const book = await openBook(running.rest)
    await openAccounts(book, ['asset:cash', 'income:sales'])
    await book.get('/accounts')
    const db = new pg.Client({ connectionString: running.environment['DATABASE_URL'] as string })
    await db.connect()
    try {
      // Nobody can fold a page of it, and yet Postgres answers.
      await db.query(`begin; lock table ${await liveSchema(db)}.checkpoint in exclusive mode`)
      const exited = once(worker.process, 'exit')
      await book.post('/transactions', transfer('income:sales', 'asset:cash', 5))
      const [code] = await exited
      assert.equal(code, 1)
      await db.query('rollback')
    } finally {
      await db.end()
    }
    await running.startWorker()
    await assertShowsItsEvents(running, book)
    await running.close()
  })
})
