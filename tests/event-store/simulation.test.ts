import assert from 'node:assert/strict'
import * as eventStore from '../../src/event-store/store/event-store.ts'
import { withMutant } from './support/mutant.ts'
import { type EventStoreModule, simulate } from './support/simulation.ts'
import { storageBugs } from './support/storage-bugs.ts'

const SEEDS = 1000
const SEEDS_TO_FIND_A_BUG = 5000

describe('the event store on a disk that fails', function () {
  this.timeout(120_000)

  it(`keeps its promises over ${SEEDS} seeds`, async () => {
    for (let seed = 1; seed <= SEEDS; seed++) await simulate(seed, eventStore)
  })

  describe('would be found out if', () => {
    for (const bug of storageBugs) {
      it(bug.name, async () => {
        const seed = await withMutant(bug, async (load) => {
          return firstFailure((await load('store/event-store.js')) as EventStoreModule)
        })
        assert.notEqual(seed, undefined, `no seed up to ${SEEDS_TO_FIND_A_BUG} finds it`)
      })
    }
  })
})

async function firstFailure(mutant: EventStoreModule): Promise<number | undefined> {
  for (let seed = 1; seed <= SEEDS_TO_FIND_A_BUG; seed++) {
    try {
      await simulate(seed, mutant)
    } catch {
      return seed
    }
  }
  return undefined
}
