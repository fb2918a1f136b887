import assert from 'node:assert/strict'
import { Redis } from 'ioredis'
import pg from 'pg'
import { freshDatabase, services } from '../support/services.ts'

describe('the services of a test run', () => {
  it('give every caller a database of its own', async () => {
    const [one, other] = [await freshDatabase(), await freshDatabase()]
    assert.notEqual(one, other)
    const client = new pg.Client({ connectionString: one })
    await client.connect()
    const { rows } = await client.query(
      "select count(*)::int from pg_tables where schemaname = 'public'",
    )
    await client.end()
    assert.deepEqual(rows, [{ count: 0 }])
  })

  it('keep what is queued, and let go of what is cached', async () => {
    const { queueUrl, cacheUrl } = await services()
    assert.equal(await policy(queueUrl), 'noeviction')
    assert.equal(await policy(cacheUrl), 'allkeys-lru')
  })
})

async function policy(url: string): Promise<string | undefined> {
  const client = new Redis(url)
  const answer = await client.config('GET', 'maxmemory-policy')
  client.disconnect()
  return Array.isArray(answer) ? answer[1] : undefined
}
