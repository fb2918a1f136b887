import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { openAccounts, openBook, type TestBook, toBook, transfer } from '../support/book.ts'
import { type Daybook, daybook, openDaybook } from '../support/daybook.ts'
import { eventsOf } from '../support/log-of-book.ts'
import type { Rest } from '../support/rest.ts'

/** As many as are given between a key and its coming again; a million on demand. */
const commands = Number(process.env['DAYBOOK_OLD_COMMANDS'] ?? 40)

const pay = (amount: number) => transfer('equity:capital', 'asset:cash', amount)
const keyed = (value: string) => ({ 'idempotency-key': value })

/** Questions to the lookup projection so far. */
const questionsOf = async (rest: Rest): Promise<number> => {
  const { text } = await rest.get('/metrics')
  const found = /^daybook_lookup_questions_total\{result="answered"\} (\d+)$/m.exec(text)
  return Number(found?.[1] ?? 0)
}

/** Events that its writers have read so far. */
const eventsRead = async (rest: Rest): Promise<number> => {
  const { text } = await rest.get('/metrics')
  return Number(/^daybook_writer_events_read_total (\d+)$/m.exec(text)?.[1])
}

describe(`a key or an id that was used ${commands} commands ago, past what a writer remembers`, function () {
  this.timeout(20_000 + commands * 20)
  let running: Daybook
  let small: Daybook
  let book: TestBook
  let environment: Daybook['environment']
  const oldKey = randomUUID()
  const oldId = randomUUID()

  before(async () => {
    running = await daybook()
    environment = {
      ...running.environment,
      DAYBOOK_LOOKUP_WINDOW: String(Math.min(100_000, commands / 2)),
      DAYBOOK_SNAPSHOT_EVERY: String(Math.min(25_000, commands / 2)),
    }
    small = await openDaybook(environment, { hasWorker: false })
    book = await openBook(small.rest)
    await openAccounts(book, ['asset:cash', 'equity:capital'])
  })
  after(() => small.close())

  it('costs no question while everything is new', async () => {
    const first = await book.post('/transactions', pay(1), keyed(oldKey))
    assert.equal(first.status, 201, first.text)
    await book.post('/transactions', { ...pay(2), id: oldId })
    let left = commands
    const give = async () => {
      while (left-- > 0) {
        const more = { ...pay(3), id: randomUUID() }
        const { status } = await book.post('/transactions', more, keyed(randomUUID()))
        assert.equal(status, 201)
      }
    }
    await Promise.all(Array.from({ length: Math.min(32, commands / 10) }, give))
    // A filter of a million errs with a few of 1,000, which costs a question and nothing else.
    const questions = await questionsOf(small.rest)
    assert.ok(questions <= commands / 200, `${questions} questions`)
    if (commands > 1_000) console.log(`      ${questions} questions`)
  })

  it('is answered as the first time, and refused with another body', async () => {
    const asked = await questionsOf(small.rest)
    const again = await book.post('/transactions', pay(1), keyed(oldKey))
    assert.equal(again.status, 201, again.text)
    assert.equal(again.headers.get('idempotent-replayed'), 'true')
    const other = await book.post('/transactions', pay(9), keyed(oldKey))
    assert.equal(other.error.code, 'idempotency_key_reused')
    const sameId = await book.post('/transactions', { ...pay(2), id: oldId })
    assert.equal(sameId.status, 200, sameId.text)
    assert.equal(sameId.headers.get('idempotent-replayed'), 'true')
    const otherContent = await book.post('/transactions', { ...pay(9), id: oldId })
    assert.equal(otherContent.error.code, 'transaction_id_taken')
    if (commands < 1_000) assert.equal((await eventsOf(running, book.id)).length, commands + 4)
    assert.equal((await questionsOf(small.rest)) - asked, 4)
  })

  it('is so after a restart from a snapshot too, and a fresh one still costs no question', async () => {
    while ((await newestSnapshot()) === null) await sleep(20)
    await small.close()
    const snapshot = (await newestSnapshot()) as number
    small = await openDaybook(environment, { hasWorker: false })
    const head = book.revision
    const anew = toBook(small.rest, book.id, head)
    const fresh = await anew.post('/transactions', pay(3), keyed(randomUUID()))
    assert.equal(fresh.status, 201, fresh.text)
    const questions = await questionsOf(small.rest)
    assert.ok(questions <= commands / 200, `${questions} questions`)
    // One more, to see that the snapshot is of this log.
    assert.equal(await eventsRead(small.rest), head - snapshot + 1)
    const again = await anew.post('/transactions', pay(1), keyed(oldKey))
    assert.equal(again.status, 201, again.text)
    assert.equal(again.headers.get('idempotent-replayed'), 'true')
    assert.equal((await questionsOf(small.rest)) - questions, 1)
  })

  /** The revision of the newest that is whole, once there is one. */
  const newestSnapshot = async (): Promise<number | null> => {
    const db = new pg.Client({ connectionString: environment['DATABASE_URL'] as string })
    await db.connect()
    try {
      const { rows } = await db.query<{ revision: string }>(
        'select revision from writer.snapshot where book_id = $1 and is_whole order by id desc limit 1',
        [book.id],
      )
      return rows[0] ? Number(rows[0].revision) : null
    } finally {
      await db.end()
    }
  }
})
