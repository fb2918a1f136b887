import assert from 'node:assert/strict'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { AccountResource, TransactionResource } from '../../src/queries/resources.ts'
import { connectEventStore } from '../../src/runtime/event-store.ts'
import { breakBuild } from '../faults/broken-builds.ts'
import { openAccounts, openBook, type TestBook, toBook, transfer } from '../support/book.ts'
import {
  type Daybook,
  freshEnvironment,
  openDaybook,
  startCommand,
  startPart,
} from '../support/daybook.ts'
import { goldenLog } from '../support/golden-book.ts'
import { nextEvents } from '../support/next-events.ts'
import { reportOf, startRebuild, untilEnded } from '../support/operations.ts'
import { type Rest, restClient } from '../support/rest.ts'
import { testDirectory } from '../support/services.ts'

type Event = { readonly type: string; readonly data: Readonly<Record<string, unknown>> }
type Process = Awaited<ReturnType<typeof startPart>>

const dist = fileURLToPath(new URL('../..', import.meta.url))

/** A day that is another in Tokyo than in UTC for nine hours. */
const tokyo = { time_zone: 'Asia/Tokyo' }
const keyed = (key: string) => ({ 'idempotency-key': key })
const items = [{ record: transfer('equity:world', 'asset:cash', 20) }]
const given = { name: 'Old', ...tokyo }

/**
 * Logs of the first release and of this one, in the hands of a release to come whose events are of
 * another form. Nothing is written anew: whoever reads an event has it brought up to date.
 */
describe('events of older versions, in a release that has them otherwise', function () {
  this.timeout(120_000)
  let old: Daybook
  let api: Process
  let worker: Process
  let next: Rest
  let golden: TestBook
  let book: TestBook
  let batch: unknown
  let opened: unknown

  before(async () => {
    old = await openDaybook(await freshEnvironment())
    const [first] = goldenLog
    assert(first?.type === 'BookOpened')
    golden = toBook(old.rest, first.data.id, goldenLog.length - 1)
    const store = connectEventStore(old.environment['EVENTSTORE_URL'] as string)
    assert.equal((await store.append(golden.id, -1, goldenLog)).kind, 'appended')
    await store.close()
    const answer = await old.rest.post<{ id: string }>('/v1/books', given, keyed('open'))
    opened = answer.data
    book = toBook(old.rest, answer.data.id, 0)
    await openAccounts(book, ['asset:cash', 'equity:world'])
    await openAccounts(book, ['asset:bank'], { min_balance: '-30', max_balance: '100' })
    await book.post('/transactions', transfer('equity:world', 'asset:bank', 10))
    batch = (await book.post('/batch', { items }, keyed('batch'))).data
    await old.close()

    const main = breakBuild(dist, join(testDirectory('release'), 'next-events'), {
      name: 'next-events',
      patches: nextEvents,
    })
    const environment = { ...old.environment, DAYBOOK_LOG_LEVEL: 'error' }
    api = await startPart('api', environment, main)
    worker = await startPart('worker', environment, main)
    next = restClient(api.url, old.token)
    golden = toBook(next, golden.id, golden.revision)
    book = toBook(next, book.id, book.revision)
  })
  after(async () => {
    await worker?.kill()
    await api?.kill()
    await old?.close()
  })

  const history = async (of: TestBook) =>
    (await next.get<Event[]>(`${of.path}/events?limit=100`)).data
  const dataOf = async (of: TestBook, type: string) =>
    (await history(of)).filter((event) => event.type === type).map(({ data }) => data)
  const verify = async () => {
    const environment = { DAYBOOK_URL: api.url, DAYBOOK_TOKEN: old.token }
    const { code, stdout, stderr } = await startCommand(['verify'], environment).ended
    assert.equal(code, 0, stdout + stderr)
  }

  it('are shown in today’s form, and hashed in the one in which they are stored', async () => {
    const [first] = await dataOf(golden, 'BookOpened')
    assert.deepEqual([first?.['zone'], first?.['time_zone']], ['Europe/Berlin', undefined])
    const [opened] = await dataOf(golden, 'AccountsOpened')
    const accounts = opened?.['accounts'] as Readonly<Record<string, unknown>>[] | undefined
    const cash = accounts?.[0]
    assert.deepEqual(
      [cash?.['limits'], cash?.['min_balance']],
      [{ min: '0', max: null }, undefined],
    )
    const [applied] = await dataOf(book, 'BatchApplied')
    assert.deepEqual(Object.keys(applied ?? {}).sort(), ['atomic', 'outcomes'])
    await verify()
  })

  it('bind the writer as they did when they were recorded', async () => {
    const over = transfer('asset:bank', 'asset:cash', 41)
    const refused = await book.post('/transactions', over)
    assert.equal(refused.error.code, 'balance_too_low', refused.text)
    assert.equal(refused.error.details[0]?.['min_balance'], '-30')
    const last = { ...transfer('asset:bank', 'asset:cash', 40), effective_at: '2024-05-01' }
    const posted = await book.post<TransactionResource>('/transactions', last)
    assert.equal(posted.data.effective_at, '2024-04-30T15:00:00.000Z')
    const renamed = await book.write<AccountResource>('PATCH', '/accounts/asset:bank', {
      name: 'Bank',
    })
    const { name, min_balance, max_balance } = renamed.data
    assert.deepEqual([name, min_balance, max_balance], ['Bank', '-30', '100'])
    const cash = await golden.get<AccountResource>('/accounts/cash')
    const all = transfer('cash', 'sales', cash.data.balances.available)
    assert.equal((await golden.post('/transactions', all)).status, 201)
    const more = await golden.post('/transactions', transfer('cash', 'sales', 1))
    assert.equal(more.error.code, 'balance_too_low')
  })

  it('answer a request that comes again as they did the first time', async () => {
    const again = await next.post('/v1/books', given, keyed('open'))
    assert.deepEqual(again.data, opened)
    assert.deepEqual((await book.post('/batch', { items }, keyed('batch'))).data, batch)
  })

  it('are rebuilt into the same rows, and stand beside those of today in one chain', async () => {
    await openBook(next, tokyo)
    await openAccounts(book, ['asset:till'], { min_balance: '5' })
    const till = [{ record: transfer('asset:cash', 'asset:till', 5) }]
    assert.equal((await book.post('/batch', { items: till })).status, 201)
    const report = reportOf(await untilEnded(next, (await startRebuild(next)).id))
    assert.deepEqual([report.compared, report.problems, report.differences], [true, [], []])
    const { data } = await book.get<AccountResource>('/accounts/asset:till')
    assert.deepEqual([data.min_balance, data.balances.posted], ['5', '5'])
    await verify()
    assert.deepEqual(
      (await dataOf(book, 'BatchApplied')).map((one) => Object.keys(one).sort()),
      [1, 2].map(() => ['atomic', 'outcomes']),
    )
  })
})
