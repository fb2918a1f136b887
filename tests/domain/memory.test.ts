import assert from 'node:assert/strict'
import { letGoOfOldest, lookupMemory } from '../../src/domain/memory.ts'

/** A window of at most eight lookups, which lead to these revisions. */
const letGo = (revisions: readonly number[], floor = -1) => {
  const memory = { ...lookupMemory(8), floor }
  const window = new Map(revisions.map((revision, at) => [`key ${at}`, revision]))
  letGoOfOldest(window, memory)
  return { kept: [...window.values()], floor: memory.floor }
}

describe('the window of lookups', () => {
  it('keeps all of them up to its limit', () => {
    assert.deepEqual(letGo([0, 1, 2, 3, 4, 5, 6, 7]), { kept: [0, 1, 2, 3, 4, 5, 6, 7], floor: -1 })
  })

  it('lets go of the oldest beyond it, down to three quarters', () => {
    assert.deepEqual(letGo([0, 1, 2, 3, 4, 5, 6, 7, 8]), { kept: [3, 4, 5, 6, 7, 8], floor: 2 })
  })

  it('keeps or lets go of all that lead to one revision', () => {
    assert.deepEqual(letGo([0, 1, 2, 2, 2, 5, 6, 7, 8]), { kept: [5, 6, 7, 8], floor: 2 })
    assert.deepEqual(letGo([4, 4, 4, 4, 4, 4, 4, 4, 4]), { kept: [], floor: 4 })
  })

  it('never has a floor below one that it had', () => {
    assert.deepEqual(letGo([6, 6, 6, 7, 8, 9, 10, 11, 12], 7), {
      kept: [8, 9, 10, 11, 12],
      floor: 7,
    })
  })
})
