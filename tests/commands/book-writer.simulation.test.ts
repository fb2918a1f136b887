import assert from 'node:assert/strict'
import { violations } from './simulation/invariants.ts'
import { withMutant } from './simulation/mutant.ts'
import { plantedAround, plantedBelow, plantedWithin } from './simulation/planted-bugs.ts'
import { type Mistake, simulate } from './simulation/simulate.ts'

const seeds = Number(process.env['DAYBOOK_WRITER_SEEDS'] ?? 2000)
/** Each mistake must show within so many. */
const seedsForMistakes = 400

describe('the book writer over a simulated log', () => {
  it(`answers truly, once and in time, with ${seeds} seeds`, async function () {
    this.timeout(0)
    for (let seed = 1; seed <= seeds; seed++) {
      assert.deepEqual(violations(await simulate(seed)), [], `seed ${seed}`)
    }
  })
})

describe('a mistake that is planted in the writer shows in its simulation: it', () => {
  for (const [name, mistake] of Object.entries(plantedAround)) {
    it(name, async () => assert(await firstSeedThatShows(mistake)))
  }
  for (const [name, mutation] of Object.entries(plantedWithin)) {
    it(name, async () => {
      const writer = 'commands/book-writer.js'
      assert(await withMutant(writer, mutation, (writer) => firstSeedThatShows({ writer })))
    })
  }
  for (const [name, [module, ...mutation]] of Object.entries(plantedBelow)) {
    it(name, async () => {
      assert(await withMutant(module, mutation, (writer) => firstSeedThatShows({ writer })))
    })
  }
})

const firstSeedThatShows = async (mistake: Mistake): Promise<number | null> => {
  for (let seed = 1; seed <= seedsForMistakes; seed++) {
    if (await shows(seed, mistake)) return seed
  }
  return null
}

/** A run that ends in an error of its own shows it as well. */
const shows = async (seed: number, mistake: Mistake): Promise<boolean> => {
  try {
    return violations(await simulate(seed, mistake)).length > 0
  } catch {
    return true
  }
}
