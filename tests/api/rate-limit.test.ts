import assert from 'node:assert/strict'
import fc from 'fast-check'
import { rateLimit } from '../../src/api/rate-limit.ts'
import { serveApi } from '../../src/cli/serve-api.ts'
import { apiConfig } from '../../src/runtime/config.ts'
import { daybook } from '../support/daybook.ts'
import { restClient } from '../support/rest.ts'

describe('the number of requests', () => {
  it('is limited in every second, and never more than that', () => {
    const pauses = fc
      .tuple(fc.integer({ min: 0, max: 200 }), fc.integer({ min: 0, max: 200 }))
      .chain(([least, more]) =>
        fc.array(fc.integer({ min: least, max: least + more }), { minLength: 50, maxLength: 200 }),
      )
    const limits = fc.integer({ min: 1, max: 40 })
    fc.assert(
      fc.property(pauses, limits, (waits, perSecond) => {
        let now = 0
        const admit = rateLimit(perSecond, () => now)
        const admitted: number[] = []
        for (const wait of waits) {
          now += wait
          if (admit('a')) admitted.push(now)
        }
        for (const [index, start] of admitted.entries()) {
          const within = admitted.slice(index).filter((at) => at < start + 1_000)
          // What a quiet second left over may be sent at once, and then what comes due.
          assert.ok(within.length <= 2 * perSecond, `${within.length} in a second`)
        }
        const isSlow = waits.every((wait) => wait * perSecond >= 1_000)
        if (isSlow) assert.equal(admitted.length, waits.length)
      }),
    )
  })

  it('is counted for each caller by itself, and not at all where the limit is 0', () => {
    const admit = rateLimit(2, () => 0)
    const asked = ['a', 'a', 'a', 'b', 'b', 'b'].map(admit)
    assert.deepEqual(asked, [true, true, false, true, true, false])
    const admitAll = rateLimit(0, () => 0)
    assert.ok(Array.from({ length: 1_000 }, () => admitAll('a')).every(Boolean))
  })

  it('is answered with 429 and when to try again', async () => {
    const { environment, token } = await daybook()
    const limited = apiConfig({ ...environment, DAYBOOK_RATE_LIMIT: '3' })
    const { port, close } = await serveApi(limited)
    try {
      const rest = restClient(`http://127.0.0.1:${port}`, token)
      const answers = await Promise.all(Array.from({ length: 20 }, () => rest.get('/v1/books')))
      const refused = answers.filter(({ status }) => status === 429)
      assert.ok(refused.length > 0)
      assert.ok(answers.some(({ status }) => status === 200))
      for (const { error, headers } of refused) {
        assert.equal(error.code, 'rate_limited')
        assert.equal(headers.get('retry-after'), '1')
      }
      assert.equal((await restClient(rest.url, null).get('/health/live')).status, 200)
    } finally {
      await close()
    }
  })
})
