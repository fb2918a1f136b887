import assert from 'node:assert/strict'
import { join } from 'node:path'
import type { Redis } from 'ioredis'
import type { LocalServer } from '../../src/local/child.ts'
import { startRedis } from '../../src/local/redis.ts'
import { revisionOf, type TagCache, tagCache } from '../../src/runtime/cache.ts'
import type { Logger } from '../../src/runtime/log.ts'
import { connectCache } from '../../src/runtime/redis.ts'
import { testDirectory } from '../support/services.ts'

describe('the cache', function () {
  this.timeout(60_000)

  let server: LocalServer
  let redis: Redis
  let cache: TagCache
  let told: string[]
  let sent: string[]

  before(async () => {
    server = await startRedis({
      directory: testDirectory('tag-cache'),
      logFile: join(testDirectory('tag-cache-log'), 'cache.log'),
      policy: 'allkeys-lru',
      persistent: false,
    })
    told = []
    sent = []
    const tell = (level: string) => (_: object, message: string) => told.push(`${level} ${message}`)
    redis = connectCache(server.url)
    const send = redis.sendCommand.bind(redis)
    redis.sendCommand = (command, ...more) => {
      sent.push(command.name)
      return send(command, ...more)
    }
    cache = tagCache(redis, { warn: tell('warn'), info: tell('info') } as unknown as Logger)
    await new Promise((resolve) => redis.once('ready', resolve))
  })
  after(async () => {
    redis?.disconnect()
    await server?.stop()
  })
  beforeEach(() => {
    told.length = 0
    sent.length = 0
  })

  it('reads the tags of all who ask at once by few commands, each asker its own', async () => {
    await cache.raise(['book:a', 'account:1'], 7)
    await cache.raise(['book:a', 'account:2'], 9)
    sent.length = 0
    const askers = Array.from({ length: 64 }, (_, index) => [
      'book:a',
      `account:${(index % 2) + 1}`,
    ])
    const found = await Promise.all(askers.map((tags) => cache.read(tags)))
    const revisions = found.map((values) => values?.map(revisionOf))
    assert.deepEqual(
      revisions,
      askers.map(([, account]) => [9, account === 'account:1' ? 7 : 9]),
    )
    assert.deepEqual(sent, ['mget'])
  })

  it('gives a tag that is missing one value for all, that was never used', async () => {
    await cache.raise(['book:b'], 3)
    const before = await cache.read(['book:b', 'account:3'])
    await redis.del('tag:account:3')
    const [one, other] = await Promise.all([1, 2].map(() => cache.read(['account:3', 'book:b'])))
    assert.deepEqual(one, other)
    assert.equal(one?.[1], before?.[0])
    assert.notEqual(one?.[0], before?.[1])
    assert.equal(revisionOf(one?.[0] ?? ''), -1)
  })

  it('that answers nobody costs one reader its patience, with one warning, until it is back', async () => {
    const { pid } = server.child.process
    assert.ok(pid)
    process.kill(pid, 'SIGSTOP')
    try {
      assert.equal(await cache.read(['book:c']), null)
      const askedOnce = sent.length
      const all = Array.from({ length: 200 }, () => cache.read(['book:c']))
      assert.deepEqual(new Set(await Promise.all(all)), new Set([null]))
      assert.equal(await cache.raise(['book:c'], 4), false)
      assert.equal(await cache.get('answer:x'), null)
      assert.equal(sent.length, askedOnce)
    } finally {
      process.kill(pid, 'SIGCONT')
    }
    while ((await cache.read(['book:c'])) === null) {
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    assert.deepEqual(told, ['warn redis is away', 'info redis is back'])
  })
})
