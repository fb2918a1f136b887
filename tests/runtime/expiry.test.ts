import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { expiriesOf } from '../../src/processes/hold-expiry.ts'
import type { AccountResource, TransactionResource } from '../../src/queries/resources.ts'
import { openAccounts, openBook, type TestBook, transfer } from '../support/book.ts'
import { type Daybook, freshEnvironment, openDaybook } from '../support/daybook.ts'
import { assertShowsItsEvents } from '../support/fold.ts'
import { eventsOf } from '../support/log-of-book.ts'

describe('a hold in a book that nobody writes to', function () {
  this.timeout(60_000)

  let running: Daybook
  let book: TestBook
  before(async () => {
    running = await openDaybook(await freshEnvironment(), { hasWorker: false })
  })
  after(() => running?.close())
  beforeEach(async () => {
    book = await openBook(running.rest)
    await openAccounts(book, ['asset:cash', 'equity:world'])
  })

  /** Over a moment from now. */
  const hold = async (): Promise<string> => {
    const expires_at = new Date(Date.now() + 1_000).toISOString()
    const body = { ...transfer('equity:world', 'asset:cash', 5), status: 'pending', expires_at }
    const answer = await book.post<TransactionResource>('/transactions', body)
    assert.equal(answer.status, 201, answer.text)
    return answer.data.id
  }
  const untilExpired = async (id: string): Promise<void> => {
    for (;;) {
      const events = await eventsOf(running, book.id)
      const end = events.find((event) => event.type === 'HoldExpired')
      if (end?.type === 'HoldExpired') {
        assert.equal(end.data.transaction, id)
        book.revision = events.length - 1
        break
      }
      await sleep(50)
    }
    const { data } = await book.get<TransactionResource>(`/transactions/${id}`)
    assert.equal(data.status, 'expired')
    assert.equal(data.entries[0]!.remaining, '0')
    const account = await book.get<AccountResource>('/accounts/asset:cash')
    assert.equal(account.data.balances.pending, '0')
    await assertShowsItsEvents(running, book)
  }

  it('expires once a worker runs, though it was over while none did', async () => {
    const id = await hold()
    await sleep(1_100)
    const worker = await running.startWorker()
    await untilExpired(id)
    const second = await hold()
    await worker.close()
    await sleep(1_100)
    const other = await running.startWorker()
    try {
      const path = `/transactions/${second}`
      for (;;) {
        if ((await book.get<TransactionResource>(path)).data.status === 'expired') break
        await sleep(50)
      }
    } finally {
      await other.close()
    }
  })

  it('expires though the queue has forgotten everything', async () => {
    const worker = await running.startWorker()
    try {
      const id = await hold()
      const queue = new Redis(running.environment['REDIS_QUEUE_URL']!)
      await queue.flushdb()
      queue.disconnect()
      await untilExpired(id)
    } finally {
      await worker.close()
    }
  })

  it('expires once, however many workers see to it', async () => {
    const workers = await Promise.all([1, 2, 3].map(() => running.startWorker()))
    try {
      const id = await hold()
      await untilExpired(id)
      await sleep(1_200)
      const ends = (await eventsOf(running, book.id)).filter(({ type }) => type === 'HoldExpired')
      assert.equal(ends.length, 1)
    } finally {
      await Promise.all(workers.map((worker) => worker.close()))
    }
  })
})

describe('the times at which holds are to be looked at', () => {
  const at = (recorded_at: string, ...expiries: (string | undefined)[]) =>
    ({
      type: 'TransactionsRecorded',
      data: {
        transactions: expiries.map((expires_at) => (expires_at ? { expires_at } : {})),
      },
      metadata: { recorded_at },
    }) as never

  it('are those within the hour, each second once', () => {
    const times = expiriesOf([
      at('2024-03-01T12:00:00.000Z', '2024-03-01T12:30:00.500Z', undefined),
      at('2024-03-01T12:00:00.000Z', '2024-03-01T12:10:00.000Z', '2024-03-01T12:30:00.900Z'),
      at('2024-03-01T12:00:00.000Z', '2024-03-01T13:00:00.001Z', '2034-03-01T12:00:00.000Z'),
      { type: 'HoldVoided', data: {}, metadata: {} } as never,
    ])
    assert.deepEqual(
      times.map((time) => new Date(time).toISOString()),
      ['2024-03-01T12:10:00.000Z', '2024-03-01T12:30:01.000Z'],
    )
  })
})
