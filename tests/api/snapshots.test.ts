import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import pg from 'pg'
import type { AccountResource } from '../../src/queries/resources.ts'
import { openAccounts, openBook, type TestBook, toBook, transfer } from '../support/book.ts'
import { type Daybook, freshEnvironment, openDaybook } from '../support/daybook.ts'
import type { Rest } from '../support/rest.ts'

const pay = (amount: number) => transfer('equity:capital', 'asset:cash', amount)
const keyed = (value: string) => ({ 'idempotency-key': value })

const eventsRead = async (rest: Rest): Promise<number> => {
  const { text } = await rest.get('/metrics')
  return Number(/^daybook_writer_events_read_total (\d+)$/m.exec(text)?.[1])
}

describe('an API that is started on a book of 100,000 transactions', function () {
  this.timeout(120_000)

  let environment: Awaited<ReturnType<typeof freshEnvironment>>
  let db: pg.Client
  let running: Daybook
  let book: TestBook
  const oldKey = randomUUID()
  const batches = 100

  /** The newest snapshot once there is one. */
  const newest = async (revision: number): Promise<number> => {
    for (;;) {
      const { rows } = await db.query<{ revision: string }>(
        'select revision from writer.snapshot where book_id = $1 order by id desc',
        [book.id],
      )
      if (rows[0] && Number(rows[0].revision) >= revision) return Number(rows[0].revision)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }

  const restart = async (): Promise<void> => {
    await running.close()
    running = await openDaybook(environment, { hasWorker: false })
    book = toBook(running.rest, book.id, book.revision)
  }

  before(async () => {
    environment = { ...(await freshEnvironment()), DAYBOOK_SNAPSHOT_EVERY: '20000' }
    db = new pg.Client({ connectionString: environment['DATABASE_URL'] as string })
    await db.connect()
    running = await openDaybook(environment, { hasWorker: false })
    book = await openBook(running.rest)
    await openAccounts(book, ['asset:cash', 'equity:capital'], { min_balance: '-1000000' })
    await book.post('/transactions', pay(1), keyed(oldKey))
    const transactions = Array.from({ length: 1_000 }, () => pay(1))
    for (let batch = 0; batch < batches; batch++) {
      const answer = await book.post('/transactions/batch', { transactions })
      assert.equal(answer.status, 201, answer.text)
    }
    await newest(batches / 2)
  })
  after(async () => {
    await running?.close()
    await db?.end()
  })

  it('reads a snapshot, and of the log only what came after it', async () => {
    await restart()
    const snapshot = await newest(0)
    const head = book.revision
    const fresh = await book.post('/transactions', pay(1), keyed(randomUUID()))
    assert.equal(fresh.status, 201, fresh.text)
    assert.equal(book.revision, head + 1)
    // One more, to see that the snapshot is of this log.
    assert.equal(await eventsRead(running.rest), head - snapshot + 1)
  })

  it('has every balance as it was', async () => {
    const cash = batches * 1_000 + 2
    const tooMuch = transfer('asset:cash', 'equity:capital', 1_000_001 + cash)
    const refused = await book.post('/transactions', tooMuch)
    assert.equal(refused.error.code, 'balance_too_low')
    assert.deepEqual(
      refused.error.details.map(({ available }) => available),
      ['-1000001'],
    )
  })

  it('answers a key from before the snapshot as the first time, without a worker too', async () => {
    const again = await book.post('/transactions', pay(1), keyed(oldKey))
    assert.equal(again.status, 201, again.text)
    assert.equal(again.headers.get('idempotent-replayed'), 'true')
    const other = await book.post('/transactions', pay(2), keyed(oldKey))
    assert.equal(other.error.code, 'idempotency_key_reused')
  })

  it('reads the whole log where every snapshot is broken', async () => {
    await db.query(
      `update writer.snapshot_part set bytes = set_byte(bytes, 20, get_byte(bytes, 20) # 1)`,
    )
    await restart()
    const account = { code: 'income:sales', type: 'income', currency: 'EUR' }
    const opened = await book.post<AccountResource>('/accounts', account)
    assert.equal(opened.status, 201, opened.text)
    assert((await eventsRead(running.rest)) >= book.revision)
  })
})
