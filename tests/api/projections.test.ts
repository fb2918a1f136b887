import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import type {
  FailureResource,
  OperationResource,
  ProjectedBook,
  ProjectionResource,
  SkipResource,
} from '../../src/queries/projections.ts'
import { openAccounts, openBook, type TestBook, transfer } from '../support/book.ts'
import { breakBook, unfit, unknown } from '../support/break-book.ts'
import { type Daybook, freshEnvironment, openDaybook, startCommand } from '../support/daybook.ts'
import { type Documented, documentedBy, type OpenApi } from '../support/documented.ts'
import { liveSchema, untilEnded, untilStage } from '../support/operations.ts'
import { restClient } from '../support/rest.ts'

const ledger = '/v1/projections/ledger'

describe('projections, as an administrator sees them', function () {
  this.timeout(120_000)
  let running: Daybook
  let worker: Awaited<ReturnType<Daybook['startWorker']>>
  let db: pg.Client
  let document: OpenApi
  let documented: Documented
  let good: TestBook
  let mended: TestBook
  let strange: TestBook

  before(async () => {
    running = await openDaybook(await freshEnvironment(), { hasWorker: false })
    db = new pg.Client({ connectionString: running.environment['DATABASE_URL'] as string })
    await db.connect()
    document = (await (await fetch(`${running.rest.url}/openapi.json`)).json()) as OpenApi
    documented = documentedBy(document)
    const open = async () => {
      const book = await openBook(running.rest)
      await openAccounts(book, ['asset:cash', 'income:sales'])
      return book
    }
    good = await open()
    mended = await open()
    strange = await open()
    await breakBook(running, mended, unfit)
    await breakBook(running, strange, unknown)
  })
  after(async () => {
    await db?.end()
    await running?.close()
  })

  const told = async <Data>(method: 'GET' | 'POST', path: string, body: object | null = null) => {
    const sent = body && JSON.stringify(body)
    const headers = { 'content-type': 'application/json' }
    const answer = await running.rest.send<Data>(method, path, sent, headers)
    documented.check(method, path, answer)
    return answer
  }
  const failures = async (name = 'ledger') => {
    const { data } = await told<FailureResource[]>('GET', `/v1/projections/${name}/failures`)
    return new Map(data.map((failure) => [failure.book_id, failure]))
  }
  const until = async (isSo: () => Promise<boolean>) => {
    while (!(await isSo())) await sleep(50)
  }
  const health = async (url: string) => {
    const answer = await fetch(`${url}/health/ready`)
    return (await answer.json()) as { status: string }
  }

  it('can pause, resume and cancel a build that no worker has begun', async () => {
    const { data } = await told<OperationResource>('POST', `${ledger}/rebuild`, {})
    const change = async (what: string) =>
      (await told<OperationResource>('POST', `/v1/operations/${data.id}/${what}`)).data.state
    assert.equal(await change('pause'), 'paused')
    assert.equal(await change('resume'), 'running')
    assert.equal(await change('pause'), 'paused')
    assert.equal(await change('cancel'), 'running')
    worker = await running.startWorker()
    assert.equal((await untilEnded(running.rest, data.id)).stage, 'cancelled')
    const dropped = 'select from projection.build where operation = $1 and dropped_at is not null'
    await until(async () => (await db.query(dropped, [data.id])).rowCount === 1)
    await until(async () => (await failures()).size === 2)
    const { status } = await health(`http://127.0.0.1:${worker.port}`)
    assert.equal(status, 'degraded')
  })

  it('are seen with how far they are and what halts them', async () => {
    const { data } = await told<ProjectionResource[]>('GET', '/v1/projections')
    const found = data.find(({ name }) => name === 'ledger')
    assert.deepEqual([found?.books, found?.halted, found?.events, found?.lag], [3, 2, 6, 1])
    assert.ok((found?.lag_seconds ?? 0) > 0)
    const books = await told<ProjectedBook[]>('GET', `${ledger}/books?limit=2`)
    assert.equal(books.data.length, 2)
    const rest = await told<ProjectedBook[]>(
      'GET',
      `${ledger}/books?cursor=${encodeURIComponent(books.meta.nextCursor ?? '')}`,
    )
    const lags = new Map([...books.data, ...rest.data].map(({ book_id, lag }) => [book_id, lag]))
    assert.deepEqual(
      [good, mended, strange].map(({ id }) => lags.get(id)),
      [0, 1, 1],
    )
    assert.match((await failures()).get(strange.id)?.error ?? '', /does not know/)
    assert.match((await failures()).get(mended.id)?.error ?? '', /uuid/)
    assert.deepEqual(await health(running.rest.url).then(({ status }) => status), 'degraded')
  })

  it('tell that a book that stands still is further behind each time', async () => {
    const lags = async () => {
      const text = await (await fetch(`http://127.0.0.1:${worker.port}/metrics`)).text()
      const of = (name: string, book: TestBook) => {
        const labels = `{projection="ledger",book="${book.id}"} `
        const start = `daybook_projection_book_lag_${name}${labels}`
        return Number(
          text
            .split('\n')
            .find((line) => line.startsWith(start))
            ?.split(' ')[1],
        )
      }
      assert.deepEqual([of('events', strange), of('events', good)], [1, 0])
      assert.equal(of('seconds', good), 0)
      return of('seconds', strange)
    }
    const before = await lags()
    await sleep(10)
    assert.ok((await lags()) > before && before > 0)
    const { data } = await told<ProjectionResource[]>('GET', '/v1/projections')
    assert.ok((data.find(({ name }) => name === 'ledger')?.lag_seconds ?? 0) > before)
  })

  it('try a halted book again when told so, and go on without its event when told that', async () => {
    const of = (book: TestBook) => `${ledger}/failures/${book.id}`
    assert.equal((await told('POST', `${of(mended)}/retry`)).status, 204)
    assert.equal((await told('POST', `${of(good)}/retry`)).error.code, 'failure_not_found')
    const without = await told('POST', `${of(mended)}/skip`, {})
    assert.equal(without.error.code, 'invalid_request')
    const reason = 'made by a test'
    assert.equal((await told('POST', `${of(mended)}/skip`, { reason })).status, 204)
    await until(async () => !(await failures()).has(mended.id))
    await mended.post('/transactions', transfer('income:sales', 'asset:cash', 5))
    const { data } = await mended.get<{ transaction_count: number }>('')
    assert.equal(data.transaction_count, 1)
    const { data: skips } = await told<SkipResource[]>('GET', `${ledger}/skips`)
    const [skip] = skips
    assert.deepEqual([skips.length, skip?.book_id, skip?.reason], [1, mended.id, reason])
    assert.equal(skip?.revision, 2)
    assert.match(skip?.error ?? '', /uuid/)
    assert.match(skip?.skipped_by ?? '', /^[0-9a-f-]{36}$/)
    assert.ok(Date.parse(skip?.skipped_at ?? '') <= Date.now())
    const cli = { DAYBOOK_URL: running.rest.url, DAYBOOK_TOKEN: running.token }
    const { stdout } = await startCommand(['projections', 'list'], cli).ended
    const shown = `book ${mended.id} goes without revision 2: ${reason}\n    by order of ${skip?.skipped_by}`
    assert.ok(stdout.includes(shown), stdout)
  })

  it('leave nothing out that commands rest on', async () => {
    await until(async () => (await failures('lookup')).has(strange.id))
    const path = `/v1/projections/lookup/failures/${strange.id}/skip`
    const refused = await told('POST', path, { reason: 'no' })
    assert.equal(refused.error.code, 'failure_not_skippable')
  })

  it('say how fast each book is folded, and that one is at rest', async () => {
    const rates = async () => {
      const { data } = await told<ProjectedBook[]>('GET', `${ledger}/books`)
      return new Map(data.map(({ book_id, rate }) => [book_id, rate]))
    }
    await until(async () => {
      await mended.post('/transactions', transfer('income:sales', 'asset:cash', 5))
      return ((await rates()).get(mended.id) ?? 0) > 0
    })
    assert.equal((await rates()).get(good.id), 0)
    await until(async () => (await rates()).get(mended.id) === 0)
  })

  it('halt, and cannot go on, where the log is another than what was folded', async () => {
    const schema = await liveSchema(db)
    await db.query(`update ${schema}.checkpoint set event_hash = 'another' where book_id = $1`, [
      good.id,
    ])
    await good.post('/transactions', transfer('income:sales', 'asset:cash', 5))
    await until(async () => (await failures()).has(good.id))
    const failure = (await failures()).get(good.id)
    assert.match(failure?.error ?? '', /older copy/)
    const path = `${ledger}/failures/${good.id}/skip`
    const refused = await told('POST', path, { reason: 'no' })
    assert.equal(refused.error.code, 'failure_not_skippable')
  })

  it('are built anew past a book that stands still alike in both, and without what is left out', async () => {
    const sent = { may_differ: true, keep_seconds: 600 }
    const { data, headers } = await told<OperationResource>('POST', `${ledger}/rebuild`, sent)
    assert.equal(headers.get('location'), `/v1/operations/${data.id}`)
    const operation = await untilStage(running.rest, data.id, 'live')
    await told('GET', `/v1/operations/${operation.id}`)
    const late = await told('POST', `/v1/operations/${operation.id}/pause`)
    assert.match(late.error.message, /^It is live\. Only a build that is copying, .* can be paused/)
    await told('GET', '/v1/operations?limit=1')
    await told('GET', `/v1/operations/${operation.id}/events`)
    assert.deepEqual([...(await failures()).keys()], [strange.id])
    const { data: book } = await good.get<{ transaction_count: number }>('')
    assert.equal(book.transaction_count, 1)
    const back = await told<OperationResource>('POST', `${ledger}/rollback`)
    await untilStage(running.rest, back.data.id, 'live')
    const dropped = await told<OperationResource>('POST', `/v1/operations/${operation.id}/drop`)
    assert.equal(dropped.data.stage, 'retired')
  })

  it('are for administrators only, and every answer was as it is documented', async () => {
    const password = 'a password of a user'
    const email = 'user@example.com'
    await running.rest.post('/v1/users', { email, password })
    const nobody = restClient(running.rest.url, null)
    const { data } = await nobody.post<{ token: string }>('/v1/auth/login', { email, password })
    const user = restClient(running.rest.url, data.token)
    for (const [address, operations] of Object.entries(document.paths)) {
      if (!/^\/v1\/(projections|operations)/.test(address)) continue
      for (const [method, { responses }] of Object.entries(operations)) {
        const path = address.replaceAll(/\{\w+\}/g, strange.id)
        const body = address.endsWith('/skip') ? '{"reason":"x"}' : '{}'
        const refused = await user.send(
          method.toUpperCase(),
          path,
          method === 'get' ? null : body,
          {
            'content-type': 'application/json',
          },
        )
        assert.equal(refused.error.code, 'forbidden', `${method} ${address}`)
        for (const status of Object.keys(responses).filter((one) => one.startsWith('2'))) {
          assert(documented.seen.has(`${method} ${address} ${status}`), `${method} ${address}`)
        }
      }
    }
  })
})
