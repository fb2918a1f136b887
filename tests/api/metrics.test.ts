import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { serveApi } from '../../src/cli/serve-api.ts'
import { serveWorker } from '../../src/cli/serve-worker.ts'
import type { ProjectedBook, ProjectionResource } from '../../src/queries/projections.ts'
import { apiConfig, workerConfig } from '../../src/runtime/config.ts'
import { openAccounts, openBook, type TestBook, transfer } from '../support/book.ts'
import { type Daybook, freshEnvironment, logIn, openDaybook } from '../support/daybook.ts'
import { liveSchema } from '../support/operations.ts'
import { restClient } from '../support/rest.ts'

/** Samples by name and labels, as Prometheus would read them. */
const samples = async (port: number): Promise<Map<string, number>> => {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(
    lines.map((line) => {
      const end = line.lastIndexOf(' ')
      return [line.slice(0, end), Number(line.slice(end + 1))]
    }),
  )
}

describe('metrics', () => {
  it('tell what was asked, decided, appended, folded and cached', async () => {
    const environment = await freshEnvironment()
    const api = await serveApi(apiConfig(environment))
    const worker = await serveWorker(workerConfig(environment))
    try {
      const url = `http://127.0.0.1:${api.port}`
      const rest = restClient(url, await logIn(url))
      const { data: book } = await rest.post<{ id: string }>('/v1/books', { name: 'measured' })
      const account = { code: 'a', type: 'asset', currency: 'EUR' }
      const path = `/v1/books/${book.id}`
      await rest.post(`${path}/accounts`, account)
      await rest.post(`${path}/accounts`, account)
      await rest.get(`${path}/accounts`, { 'daybook-min-revision': '1' })
      const hits = 'daybook_cache_answers_total{result="hit"}'
      // Until the tags of the last change have been raised, reads go past the cache.
      while (!(await samples(api.port)).get(hits)) await rest.get(`${path}/accounts`)

      const ofApi = await samples(api.port)
      const commands = (command: string, outcome: string) =>
        ofApi.get(`daybook_commands_total{command="${command}",outcome="${outcome}"}`)
      assert.equal(commands('OpenBook', 'done'), 1)
      assert.equal(commands('OpenAccounts', 'done'), 1)
      assert.equal(commands('OpenAccounts', 'account_code_taken'), 1)
      assert.equal(ofApi.get('daybook_commands_waiting'), 0)
      assert.equal(ofApi.get('daybook_append_seconds_count{result="appended"}'), 2)
      assert.equal(ofApi.get('daybook_append_events_sum'), 2)
      const route = 'method="GET",route="GET /v1/books/{book}/accounts",status="200"'
      assert.ok((ofApi.get(`daybook_http_request_seconds_count{${route}}`) ?? 0) >= 2)
      assert.ok((ofApi.get('daybook_pool_connections{state="total"}') ?? 0) > 0)
      assert.equal(ofApi.get('daybook_queue_jobs{state="waiting"}'), 0)

      const ofWorker = await samples(worker.port)
      const labels = `projection="ledger",book="${book.id}"`
      assert.equal(ofWorker.get(`daybook_projection_revision{${labels}}`), 1)
      assert.equal(ofWorker.get(`daybook_projection_events_total{${labels}}`), 2)
      assert.equal(ofWorker.get(`daybook_projection_book_lag_events{${labels}}`), 0)
      assert.equal(ofWorker.get('daybook_projection_books_halted{projection="ledger"}'), 0)
    } finally {
      await api.close()
      await worker.close()
    }
  })
})

describe('what is told of a projection', function () {
  this.timeout(60_000)
  let running: Daybook
  let worker: Awaited<ReturnType<Daybook['startWorker']>>
  let db: pg.Client
  let book: TestBook

  before(async () => {
    running = await openDaybook(await freshEnvironment(), { hasWorker: false })
    worker = await running.startWorker()
    db = new pg.Client({ connectionString: running.environment['DATABASE_URL'] as string })
    await db.connect()
    book = await openBook(running.rest)
    await openAccounts(book, ['asset:cash', 'income:sales'])
    await book.get('')
  })
  after(async () => {
    await db?.end()
    await running?.close()
  })

  const post = async (times: number) => {
    for (let time = 0; time < times; time++) {
      await book.post('/transactions', transfer('income:sales', 'asset:cash', 5))
    }
  }
  const ledger = async () => {
    const { data } = await running.rest.get<ProjectionResource[]>('/v1/projections')
    const found = data.find(({ name }) => name === 'ledger')
    assert(found)
    return found
  }
  const ofBook = async () => {
    const { data } = await running.rest.get<ProjectedBook[]>('/v1/projections/ledger/books')
    const [found] = data
    assert(found)
    return found
  }
  const until = async (
    isSo: (told: ProjectionResource) => boolean,
  ): Promise<ProjectionResource> => {
    for (;;) {
      const told = await ledger()
      if (isSo(told)) return told
      await sleep(50)
    }
  }
  const sampleOf = async (name: string, labels = `projection="ledger",book="${book.id}"`) =>
    (await samples(worker.port)).get(`${name}{${labels}}`) ?? 0

  it('is how far it is behind while no worker runs, and nothing once one has caught up', async () => {
    const still = await until(({ lag, rate }) => lag === 0 && rate === 0)
    await worker.close()
    await post(3)
    const written = Date.now()
    const late = await ledger()
    assert.deepEqual([late.lag, late.events, late.position], [3, 2, still.position])
    const later = await ledger()
    assert.ok((later.lag_seconds ?? 0) > (late.lag_seconds ?? 0) && (late.lag_seconds ?? 0) > 0)
    const { lag, head, revision, position } = await ofBook()
    assert.deepEqual([lag, head, revision], [3, 4, 1])

    const waited = (Date.now() - written) / 1000
    worker = await running.startWorker()
    const caughtUp = await until((told) => told.behind === 0 && told.position !== still.position)
    assert.deepEqual([caughtUp.events, caughtUp.lag, caughtUp.lag_seconds], [5, 0, 0])
    const now = await ofBook()
    assert.deepEqual([now.lag, now.head, now.revision], [0, 4, 4])
    assert.ok(BigInt(now.position) > BigInt(position))
    assert.ok(BigInt(caughtUp.position ?? 0) >= BigInt(now.position))
    while ((await sampleOf('daybook_projection_revision')) !== 4) await sleep(20)
    assert.equal(await sampleOf('daybook_projection_events_total'), 3)
    assert.equal(await sampleOf('daybook_projection_book_lag_events'), 0)
    const told = await sampleOf('daybook_projection_lag_seconds_sum', 'projection="ledger"')
    assert.ok(told >= waited, `a page waited for ${waited} s, and is told to have for ${told} s`)
  })

  it('is how fast it goes while there is something to fold', async () => {
    let rate = 0
    while (rate === 0) {
      await post(5)
      rate = (await ledger()).rate ?? 0
    }
    await until((told) => told.rate === 0)
  })

  it('is that a book stands still, until it is told to go on and can', async () => {
    const checkpoint = `${await liveSchema(db)}.checkpoint`
    const select = `select event_hash from ${checkpoint} where book_id = $1`
    const { rows } = await db.query<{ event_hash: string }>(select, [book.id])
    const setHash = (hash: string) =>
      db.query(`update ${checkpoint} set event_hash = $2 where book_id = $1`, [book.id, hash])
    const isTold = async (books: number) => {
      await until(({ halted }) => halted === books)
      const labels = 'projection="ledger"'
      while ((await sampleOf('daybook_projection_books_halted', labels)) !== books) await sleep(50)
      const answer = await fetch(`http://127.0.0.1:${worker.port}/health/ready`)
      const { status } = (await answer.json()) as { status: string }
      assert.equal(status, books === 0 ? 'up' : 'degraded')
    }
    await isTold(0)
    await setHash('another')
    await post(2)
    await isTold(1)
    assert.equal((await ofBook()).is_halted, true)
    assert.equal(await sampleOf('daybook_projection_book_lag_events'), 2)
    await setHash(rows[0]?.event_hash ?? '')
    const path = `/v1/projections/ledger/failures/${book.id}/retry`
    assert.equal((await running.rest.post(path, null)).status, 204)
    await isTold(0)
    assert.deepEqual([(await ofBook()).is_halted, (await ofBook()).lag], [false, 0])
  })
})
