import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '../../src/local/ports.mjs'
import type { AccountResource } from '../../src/queries/resources.ts'
import { type Link, openLink } from '../faults/proxy.ts'
import { openAccounts, openBook, type TestBook, transfer } from '../support/book.ts'
import { type Daybook, freshEnvironment, openDaybook, startPart } from '../support/daybook.ts'
import { eventsOf } from '../support/log-of-book.ts'
import { type Answer, restClient } from '../support/rest.ts'
import { testDirectory } from '../support/services.ts'

/** As long as anybody may be left waiting. */
const patienceMs = 10_000
/** What a request gets whose append, or that of another before it, is not settled in time. */
const unsettled = ['outcome_unknown', 'store_unavailable']
const key = () => ({ 'idempotency-key': randomUUID() })
const pay = (amount: number) => transfer('equity:capital', 'asset:cash', amount)

/** The book's own event store, a process behind a link, with what can be done to it. */
describe('while the event store is in trouble', function () {
  this.timeout(120_000)
  let running: Daybook
  let book: TestBook
  let link: Link
  let store: Awaited<ReturnType<typeof startPart>>
  let start: () => Promise<void>

  before(async () => {
    const port = await freePort()
    link = await openLink('api -> store', port)
    const environment = {
      ...(await freshEnvironment()),
      EVENTSTORE_URL: `esdb://127.0.0.1:${link.port}?tls=false`,
      DAYBOOK_STORE_DIRECTORY: testDirectory('troubled-store'),
      DAYBOOK_STORE_PORT: String(port),
      DAYBOOK_MAX_WAITING_BYTES: '20000',
    }
    start = async () => {
      store = await startPart('store', environment)
    }
    await start()
    running = await openDaybook(environment)
    book = await openBook(restClient(running.rest.url, running.token))
    await openAccounts(book, ['asset:cash', 'equity:capital'])
    assert.equal((await book.get('/accounts/asset:cash')).status, 200)
  })

  after(async () => {
    await running.close()
    await store.kill()
    await link.close()
  })

  const write = (body: object, headers: Record<string, string> = {}) => {
    const answer = book.post('/transactions', body, headers)
    const late = sleep(patienceMs).then((): never => {
      throw new Error(`no answer within ${patienceMs} ms`)
    })
    return Promise.race([answer, late])
  }
  const assertUnavailable = (answer: Answer, ...codes: string[]): void => {
    assert.equal(answer.status, 503, answer.text)
    assert.ok(codes.includes(answer.error.code), answer.text)
    assert.ok(answer.headers.get('retry-after'))
  }
  /** As a good client does: the same key, until it knows. */
  const insist = async (body: object, headers: Record<string, string>): Promise<Answer> => {
    for (;;) {
      const answer = await write(body, headers)
      if (answer.status !== 503) return answer
      await sleep(100)
    }
  }
  /** Asks until the book says at once that it takes nothing, because an append is unsettled. */
  const untilTurnedAway = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const asking = setInterval(() => {
        write(pay(1))
          .then((answer) => {
            if (answer.error?.code !== 'store_unavailable') return
            clearInterval(asking)
            assertUnavailable(answer, 'store_unavailable')
            resolve()
          })
          .catch(reject)
      }, 50)
    })
  const assertReadsGoOn = async (): Promise<void> => {
    const read = await running.rest.get<AccountResource>(`${book.path}/accounts/asset:cash`)
    assert.equal(read.status, 200, read.text)
  }
  const storedUnder = async (headers: Record<string, string>): Promise<number> => {
    const events = await eventsOf(running, book.id)
    return events.filter((one) => one.metadata.idempotency_key === headers['idempotency-key'])
      .length
  }

  it('a stopped one costs a 503 within ten seconds, and all is as it was when it goes on', async () => {
    const headers = key()
    store.process.kill('SIGSTOP')
    try {
      const first = write(pay(5), headers)
      const [answer] = await Promise.all([first, untilTurnedAway(), assertReadsGoOn()])
      assertUnavailable(answer, 'outcome_unknown')
    } finally {
      store.process.kill('SIGCONT')
    }
    const answer = await insist(pay(5), headers)
    assert.equal(answer.status, 201, answer.text)
    assert.equal(await storedUnder(headers), 1)
  })

  for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
    it(`one that was ended by ${signal} is waited for, and the first attempt is answered`, async () => {
      const headers = key()
      const gone = new Promise((resolve) => store.process.once('exit', resolve))
      store.process.kill(signal)
      await gone
      const first = write(pay(6), headers)
      await Promise.all([untilTurnedAway(), assertReadsGoOn()])
      await start()
      const early = await first
      if (early.status !== 201) assertUnavailable(early, ...unsettled)
      const answer = await insist(pay(6), headers)
      assert.equal(answer.status, 201, answer.text)
      assert.equal(await storedUnder(headers), 1)
    })
  }

  it('one whose disk is full says so, and goes on once there is room', async () => {
    const headers = key()
    // No file may be written past its first byte, which fails as a full disk does.
    limitFiles(store.process.pid, '1')
    const first = write(pay(7), headers)
    await untilTurnedAway()
    await assertReadsGoOn()
    limitFiles(store.process.pid, 'unlimited')
    const early = await first
    if (early.status !== 201) assertUnavailable(early, ...unsettled)
    const answer = await insist(pay(7), headers)
    assert.equal(answer.status, 201, answer.text)
    assert.equal(await storedUnder(headers), 1)
  })

  it('a slow one is only slow', async () => {
    link.set({ delayMs: 400 })
    const answer = await write(pay(8), key())
    link.set('open')
    assert.equal(answer.status, 201, answer.text)
  })

  it('one that cannot be reached is found again', async () => {
    const headers = key()
    link.set('cut')
    const first = write(pay(9), headers)
    await untilTurnedAway()
    link.set('open')
    const early = await first
    if (early.status !== 201) assertUnavailable(early, ...unsettled)
    assert.equal((await insist(pay(9), headers)).status, 201)
    assert.equal(await storedUnder(headers), 1)
  })

  it('past what may wait for it, others are told at once', async () => {
    const large = { ...pay(1), description: 'x'.repeat(900), metadata: { more: 'y'.repeat(400) } }
    link.set({ delayMs: 400 })
    const sent = Array.from({ length: 40 }, () => write(large))
    const answers = await Promise.all(sent)
    link.set('open')
    const turnedAway = answers.filter(({ status }) => status !== 201)
    assert.ok(turnedAway.length > 0 && turnedAway.length < answers.length)
    for (const answer of turnedAway) assertUnavailable(answer, 'overloaded')
    assert.equal((await write(large)).status, 201)
  })
})

const limitFiles = (pid: number | undefined, bytes: string): void => {
  execFileSync('prlimit', ['--pid', String(pid), `--fsize=${bytes}:unlimited`])
}
