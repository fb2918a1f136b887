import assert from 'node:assert/strict'
import { createHash, randomUUID } from 'node:crypto'
import { dayOf } from '../../src/domain/instant.ts'
import type { ClosingAnswer, PeriodResource, ReopeningAnswer } from '../../src/queries/periods.ts'
import type { BookResource, TransactionResource } from '../../src/queries/resources.ts'
import type { TrialBalanceResource } from '../../src/queries/trial-balance.ts'
import { openAccounts, openBook, type TestBook, transfer } from '../support/book.ts'
import { type Daybook, daybook, freshEnvironment, openDaybook } from '../support/daybook.ts'
import { eventsOf } from '../support/log-of-book.ts'
import type { Answer } from '../support/rest.ts'

const day = '2024-01-31'
const pay = (amount: number, effective_at?: string) => ({
  ...transfer('equity:capital', 'asset:cash', amount),
  ...(effective_at && { effective_at }),
})

const isRefused = (answer: Answer, status: number, code: string) =>
  assert.deepEqual([answer.status, answer.error?.code], [status, code], answer.text)

const close = (book: TestBook, through: string, headers?: Record<string, string>) =>
  book.post<ClosingAnswer>('/periods/close', { through }, headers)
const reopen = (book: TestBook, through: string | null, headers?: Record<string, string>) =>
  book.post<ReopeningAnswer>('/periods/reopen', { through }, headers)
const record = (book: TestBook, body: object) =>
  book.post<TransactionResource>('/transactions', body)

const trialBalance = async (book: TestBook, at = day): Promise<TrialBalanceResource> => {
  const path = `/reports/trial-balance?effective_at=${at}`
  return (await book.get<TrialBalanceResource>(path)).data
}

/** As its documentation says, with nothing of Daybook's. */
const hashOf = ({ accounts }: TrialBalanceResource): string => {
  const lines = accounts
    .map(({ account_id, credit, currency, debit }) => ({ account_id, credit, currency, debit }))
    .sort((one, other) => (one.account_id < other.account_id ? -1 : 1))
  return createHash('sha256').update(JSON.stringify(lines)).digest('hex')
}

describe('a period', () => {
  let running: Daybook
  let book: TestBook
  beforeEach(async () => {
    running = await daybook()
    book = await openBook(running.rest)
    await openAccounts(book, ['asset:cash', 'equity:capital', 'asset:usd'])
    for (const [amount, at] of [
      [5, '2024-01-01'],
      [7, day],
      [11, '2024-02-01'],
    ] as const) {
      assert.equal((await record(book, pay(amount, at))).status, 201)
    }
  })

  it('is closed with the hash of the trial balance at its end', async () => {
    const before = book.revision
    const closed = await close(book, day)
    assert.equal(closed.status, 201, closed.text)
    const { created_at, trial_balance_hash } = closed.data
    const told = { from: null, through: day, shown_revision: before, revision: before + 1 }
    assert.deepEqual({ ...closed.data, ...told }, closed.data)
    const shown = await trialBalance(book)
    assert.deepEqual(
      shown.accounts.map(({ account_code, debit, credit }) => [account_code, debit, credit]),
      [
        ['asset:cash', '12', '0'],
        ['equity:capital', '0', '12'],
      ],
    )
    assert.equal(trial_balance_hash, hashOf(shown))
    assert.equal(trial_balance_hash, shown.hash)
    const listed = await book.list<PeriodResource>('/periods')
    const open = { reopened_by: null, updated_at: created_at, deleted_at: null }
    assert.deepEqual(listed, [{ ...closed.data, status: 'closed', ...open }])
    assert.equal((await book.get<BookResource>('')).data.closed_through, day)
  })

  it('keeps its hash, whatever is recorded after it and however accounts are called', async () => {
    const { data } = await close(book, day)
    await record(book, pay(3, '2024-02-01'))
    await record(book, { ...pay(4, '2024-01-15'), on_closed_period: 'roll_forward' })
    await book.write('PATCH', '/accounts/asset:cash', { code: 'asset:till', name: 'Till' })
    assert.equal((await trialBalance(book)).hash, data.trial_balance_hash)
  })

  it('takes no date any more, or moves it to the first day that is open', async () => {
    await close(book, day)
    const refused = await record(book, pay(1, '2024-01-31T23:59:59.999Z'))
    isRefused(refused, 422, 'period_closed')
    assert.match(refused.error.message, /2024-02-01 or later.*roll_forward/)
    const moved = await record(book, { ...pay(1, day), on_closed_period: 'roll_forward' })
    assert.equal(moved.status, 201, moved.text)
    const dates = {
      effective_at: '2024-02-01T00:00:00.000Z',
      requested_effective_at: '2024-01-31T00:00:00.000Z',
    }
    const datesOf = ({ effective_at, requested_effective_at }: TransactionResource) => ({
      effective_at,
      requested_effective_at,
    })
    assert.deepEqual(datesOf(moved.data), dates)
    const path = `/transactions/${moved.data.id}`
    assert.deepEqual(datesOf((await book.get<TransactionResource>(path)).data), dates)
    const open = await record(book, { ...pay(1, '2024-02-02'), on_closed_period: 'roll_forward' })
    assert.equal(open.data.requested_effective_at, null)
  })

  it('is only closed when it is over, by the time zone of the book', async () => {
    for (const time_zone of ['Pacific/Kiritimati', 'Pacific/Niue']) {
      const away = await openBook(running.rest, { time_zone })
      const now = Date.now()
      isRefused(await close(away, dayOf(now, time_zone)), 422, 'period_not_over')
      const yesterday = dayOf(now - 86_400_000, time_zone)
      assert.equal((await close(away, yesterday)).status, 201)
    }
    isRefused(await close(book, '9999-12-31'), 422, 'period_not_over')
    for (const through of ['2024-02-30', '0000-01-01', '2024-02-01T00:00:00Z', 'yesterday']) {
      isRefused(await close(book, through), 400, 'invalid_request')
    }
  })

  it('is reopened, and what it was stays in the list', async () => {
    const first = (await close(book, day)).data
    const second = (await close(book, '2024-02-29')).data
    assert.equal(second.from, '2024-02-01')
    isRefused(await reopen(book, '2024-02-15'), 422, 'period_not_closed')
    const reopened = await reopen(book, day)
    assert.equal(reopened.status, 200, reopened.text)
    const { closed_through, reopened: ids } = reopened.data
    assert.deepEqual([closed_through, ids], [day, [second.id]])
    const [last, before] = await book.list<PeriodResource>('/periods')
    const { status, reopened_by, deleted_at, trial_balance_hash } = last as PeriodResource
    assert.deepEqual(
      [status, reopened_by, deleted_at, trial_balance_hash],
      ['reopened', second.closed_by, reopened.data.created_at, second.trial_balance_hash],
    )
    assert.deepEqual([before?.id, before?.status], [first.id, 'closed'])
    assert.equal((await record(book, pay(1, '2024-02-01'))).status, 201)
    isRefused(await record(book, pay(1, day)), 422, 'period_closed')
    const again = (await close(book, '2024-02-29')).data
    assert.notEqual(again.trial_balance_hash, second.trial_balance_hash)
    assert.equal((await reopen(book, null)).data.reopened.length, 2)
    assert.equal((await book.get<BookResource>('')).data.closed_through, null)
    assert.equal((await record(book, pay(1, day))).status, 201)
    assert.equal((await book.list('/periods')).length, 3)
    assert.equal((await book.list('/periods?limit=1')).length, 3)
  })

  it('has the hash of all that was recorded before it, in the same instant too', async () => {
    for (const through of ['2024-01-29', '2024-01-30', day]) {
      const sent = Array.from({ length: 30 }, () => record(book, pay(1, '2024-01-30')))
      const closing = close(book, through)
      const more = Array.from({ length: 30 }, () => record(book, pay(1, '2024-01-30')))
      const { data, status } = await closing
      assert.equal(status, 201)
      const accepted = (await Promise.all([...sent, ...more])).filter(
        (answer) => answer.status === 201 && Number(answer.data.revision) < data.revision,
      )
      const shown = await trialBalance(book, through)
      assert.equal(data.trial_balance_hash, shown.hash, `${through}, after ${accepted.length}`)
    }
  })

  it('answers as it did to the byte when its key comes again', async () => {
    for (const [path, through] of [
      ['/periods/close', day],
      ['/periods/close', '2024-02-29'],
      ['/periods/reopen', day],
      ['/periods/reopen', null],
    ] as const) {
      const headers = { 'idempotency-key': randomUUID() }
      const first = await book.post(path, { through }, headers)
      assert.ok(first.status < 300, first.text)
      const before = (await eventsOf(running, book.id)).length
      await record(book, pay(1))
      const again = await book.post(path, { through }, headers)
      assert.deepEqual([again.status, again.text], [first.status, first.text])
      assert.equal(again.headers.get('idempotent-replayed'), 'true')
      assert.equal((await eventsOf(running, book.id)).length, before + 1)
    }
  })

  it('is the owner’s to close and to reopen, and nobody sees those of another’s book', async () => {
    const password = 'correct horse battery'
    const email = `${randomUUID()}@example.org`
    const user = await running.rest.post<{ id: string }>('/v1/users', { email, password })
    const login = await running.rest.post<{ token: string }>('/v1/auth/login', { email, password })
    const headers = { authorization: `Bearer ${login.data.token}` }
    const setRole = (role: string) => book.write('PUT', `/members/${user.data.id}`, { role })
    const list = () =>
      running.rest.get(`${book.path}/periods`, {
        ...headers,
        'daybook-min-revision': String(book.revision),
      })
    isRefused(await close(book, day, headers), 404, 'book_not_found')
    isRefused(await reopen(book, null, headers), 404, 'book_not_found')
    isRefused(await list(), 404, 'book_not_found')
    for (const role of ['analyst', 'bookkeeper']) {
      await setRole(role)
      isRefused(await close(book, day, headers), 403, 'forbidden')
      isRefused(await reopen(book, null, headers), 403, 'forbidden')
      assert.equal((await list()).status, 200)
    }
    await setRole('owner')
    assert.equal((await close(book, day, headers)).status, 201)
    assert.equal((await reopen(book, null, headers)).status, 200)
  })
})

describe('a period, where the read model stands still or is not there', () => {
  it('is closed with the same hash, added up from the events', async () => {
    const running = await openDaybook(await freshEnvironment(), { hasWorker: false })
    const book = await openBook(running.rest)
    await openAccounts(book, ['asset:cash', 'equity:capital'])
    for (const amount of [5, 7]) await record(book, pay(amount, '2024-01-15'))
    const early = await close(book, '2024-01-14')
    assert.equal(early.status, 201, early.text)
    const { close: stop } = await running.startWorker()
    assert.equal((await trialBalance(book, '2024-01-14')).hash, early.data.trial_balance_hash)
    await stop()
    for (const amount of [11, 13]) await record(book, pay(amount, '2024-01-15'))
    const later = await close(book, day)
    assert.equal(later.status, 201, later.text)
    await running.startWorker()
    const shown = await trialBalance(book)
    assert.equal(shown.hash, later.data.trial_balance_hash)
    assert.equal(shown.totals[0]?.debit, '36')
    await running.close()
  })
})
