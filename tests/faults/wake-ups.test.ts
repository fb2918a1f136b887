import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { wakeUps } from '../../src/runtime/jobs.ts'
import { createLogger } from '../../src/runtime/log.ts'
import { connectProducer } from '../../src/runtime/redis.ts'
import { services } from '../support/services.ts'
import { openLink } from './proxy.ts'

describe('wake-ups over a link that breaks', function () {
  this.timeout(60_000)

  for (const state of ['cut', 'hole'] as const) {
    it(`reach the queue again after it was ${state === 'cut' ? 'cut' : 'mute'} many times`, async () => {
      const url = new URL((await services()).queueUrl)
      const link = await openLink('api -> queue', Number(url.port))
      const log = createLogger('test', 'silent')
      const direct = new Redis(url.href)
      url.port = String(link.port)
      const redis = connectProducer(url.href, log)
      const wakes = wakeUps(redis, ['ledger'], log)
      const books = Array.from({ length: 20 }, () => randomUUID())
      const waking = setInterval(() => books.forEach(wakes.wake), 2)
      for (let round = 0; round < (state === 'cut' ? 40 : 3); round++) {
        await sleep(40 + (round % 7) * 13)
        link.set(state)
        await sleep(state === 'cut' ? 20 : 300)
        link.set('open')
        if (state === 'hole') await sleep(4_500)
      }
      await sleep(6_500)
      clearInterval(waking)
      await direct.flushall()
      for (const book of books) wakes.wake(book)
      await sleep(4_000)
      const keys = await direct.keys('bull:daybook:de:*')
      const missing = books.filter((book) => !keys.some((key) => key.endsWith(book)))
      await wakes.close()
      redis.disconnect()
      direct.disconnect()
      await link.close()
      assert.deepEqual(missing, [])
    })
  }
})
