import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { freshDatabase, services } from '../support/services.ts'
import { type Attempt, createClient } from './http.ts'

const main = fileURLToPath(new URL('../../src/main.js', import.meta.url))
const login = { email: 'admin@drain.example', password: 'a password for this test' }

describe('an API that is asked to stop', function () {
  this.timeout(90_000)
  let api: ChildProcess
  let worker: ChildProcess
  let port = 0

  before(async () => {
    const { eventStoreUrl, queueUrl, cacheUrl } = await services()
    const env = {
      ...process.env,
      PORT: '0',
      EVENTSTORE_URL: eventStoreUrl,
      DATABASE_URL: await freshDatabase(),
      REDIS_QUEUE_URL: queueUrl,
      REDIS_CACHE_URL: cacheUrl,
      DAYBOOK_JWT_SECRET: 'x'.repeat(32),
      DAYBOOK_FINGERPRINT_SECRET: 'y'.repeat(32),
      DAYBOOK_ADMIN_EMAIL: login.email,
      DAYBOOK_ADMIN_PASSWORD: login.password,
      DAYBOOK_LOG_LEVEL: 'warn',
    }
    const start = async (part: string) => {
      const child = spawn(process.execPath, [main, 'serve', part], {
        env,
        stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      })
      const [ready] = await once(child, 'message')
      return { child, port: (ready as { port: number }).port }
    }
    const started = await start('api')
    api = started.child
    port = started.port
    worker = (await start('worker')).child
  })

  after(() => {
    api.kill('SIGKILL')
    worker.kill('SIGKILL')
  })

  it('answers every request that it took, under load, and is gone soon after', async () => {
    const attempts: Attempt[] = []
    const client = createClient([port, port], login, (attempt) => attempts.push(attempt))
    const post = (path: string, body: unknown) => {
      const headers = { 'Idempotency-Key': randomUUID() }
      return client.send(0, { method: 'POST', path, headers, body })
    }
    const book = await post('/v1/books', { name: 'drained' })
    const { id } = JSON.parse(book.answer?.text ?? '').data
    const accounts = ['a', 'b'].map((code) => ({ code, type: 'asset', currency: 'EUR' }))
    await post(`/v1/books/${id}/accounts/batch`, { accounts })
    const transfers = [{ from: 'a', to: 'b', amount: '1' }]
    let isRefused = false
    const run = async () => {
      while (!isRefused) {
        const { failure } = await post(`/v1/books/${id}/transactions`, { transfers })
        if (failure !== null) isRefused = true
      }
    }
    const load = Promise.all(Array.from({ length: 16 }, run))
    await sleep(1_500)
    attempts.length = 0
    const asked = Date.now()
    api.kill('SIGTERM')
    const [code] = await once(api, 'exit')
    const tookMs = Date.now() - asked
    await load
    client.close()
    assert.equal(code, 0)
    assert.ok(tookMs < 10_000, `it took ${tookMs} ms`)
    assert.ok(attempts.some(({ answer }) => answer?.status === 201))
    const failures = attempts.flatMap(({ failure }) => failure ?? [])
    assert.deepEqual([...new Set(failures)], ['ECONNREFUSED'])
    const statuses = new Set(attempts.flatMap(({ answer }) => answer?.status ?? []))
    assert.deepEqual([...statuses], [201])
  })
})
