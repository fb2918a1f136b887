import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { unpackFromDebian } from '../../src/local/debian-packages.ts'
import { startRedis } from '../../src/local/redis.ts'
import { redisUnpacking } from '../../src/local/redis-binaries.ts'
import { leaveOut } from '../support/leave-out.ts'
import { testDirectory } from '../support/services.ts'

describe('the local Redis', () => {
  it('comes back on the same port, with the same password and what was queued', async () => {
    const outer = testDirectory('redis')
    const place = { directory: join(outer, 'redis'), logFile: join(outer, 'redis.log') }
    const kind = { policy: 'noeviction', persistent: true } as const
    const first = await startRedis({ ...place, ...kind })
    const client = new Redis(first.url)
    // It is told that the first one went, and connects to the second by itself.
    client.on('error', () => undefined)
    await client.set('kept', 'yes')
    await first.stop()
    const second = await startRedis({ ...place, ...kind, previous: first })
    assert.equal(second.url, first.url)
    assert.equal(await client.get('kept'), 'yes')
    client.disconnect()
    await second.stop()
  })

  it('says what to do about data that it cannot read', async () => {
    const outer = testDirectory('redis')
    const place = { directory: join(outer, 'redis'), logFile: join(outer, 'redis.log') }
    const kind = { policy: 'noeviction', persistent: true } as const
    await (await startRedis({ ...place, ...kind })).stop()
    const manifest = join(outer, 'redis', 'appendonlydir', 'appendonly.aof.manifest')
    writeFileSync(manifest, 'not a manifest\n')
    await assert.rejects(startRedis({ ...place, ...kind }), {
      name: 'SetupProblem',
      message: /cannot start on .*manifest[^]*start again:\n {4}rm -r .*redis$/i,
    })
  })

  it('is unpacked from Debian packages where none is installed', async function () {
    const folder = join(testDirectory('redis-cache'), 'redis')
    try {
      await unpackFromDebian(folder, redisUnpacking)
      assert.ok(redisUnpacking.works(folder))
    } catch (error) {
      // No apt here, or no network: then it cannot be had, and startRedis says so.
      if (!(error instanceof Error) || !/apt-get/.test(error.message)) throw error
      leaveOut(this, error.message)
    }
  })
})
