import assert from 'node:assert/strict'
import { planted } from './simulation/first-seed.ts'
import { violations } from './simulation/invariants.ts'
import { simulate } from './simulation/simulate.ts'

const seeds = Number(process.env['DAYBOOK_WRITER_SEEDS'] ?? 2000)

describe('the book writer over a simulated log', () => {
  it(`answers truly, once and in time, with ${seeds} seeds`, async function () {
    this.timeout(0)
    for (let seed = 1; seed <= seeds; seed++) {
      assert.deepEqual(violations(await simulate(seed)), [], `seed ${seed}`)
    }
  })
})

describe('a mistake that is planted in the writer shows in its simulation: it', () => {
  for (const [name, firstShown] of Object.entries(planted)) {
    it(name, async () => assert(await firstShown()))
  }
})
