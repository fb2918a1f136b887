import assert from 'node:assert/strict'
import { serveApi } from '../../src/cli/serve-api.ts'
import { serveWorker } from '../../src/cli/serve-worker.ts'
import { apiConfig, workerConfig } from '../../src/runtime/config.ts'
import { freshEnvironment, logIn } from '../support/daybook.ts'
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
      assert.ok((ofWorker.get(`daybook_projection_book_lag_seconds{${labels}}`) ?? -1) >= 0)
      assert.equal(ofWorker.get('daybook_projection_books_halted{projection="ledger"}'), 0)
    } finally {
      await api.close()
      await worker.close()
    }
  })
})
