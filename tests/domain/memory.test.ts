import assert from 'node:assert/strict'
import { lookupMemory } from '../../src/domain/memory.ts'

/** What a window of at most eight lookups has after these, which lead to these revisions. */
const windowOf = (revisions: readonly number[], floor?: number) => {
  const memory = lookupMemory(8, undefined, floor)
  for (const [at, revision] of revisions.entries()) memory.set(`key ${at}`, revision)
  const kept = [...memory]
  assert.equal(memory.size, kept.length)
  for (const [name, revision] of kept) assert.equal(memory.get(name), revision)
  return { kept: kept.map(([, revision]) => revision), floor: memory.floor }
}

describe('the window of lookups', () => {
  it('keeps all of them up to its limit', () => {
    const all = [0, 1, 2, 3, 4, 5, 6, 7]
    assert.deepEqual(windowOf(all), { kept: all, floor: -1 })
  })

  it('lets go of the older half beyond it', () => {
    assert.deepEqual(windowOf([0, 1, 2, 3, 4, 5, 6, 7, 8]), { kept: [4, 5, 6, 7, 8], floor: 3 })
  })

  it('has all that lead to a revision above its floor', () => {
    assert.deepEqual(windowOf([0, 1, 2, 2, 2, 5, 6, 7, 8]), { kept: [2, 5, 6, 7, 8], floor: 2 })
    assert.deepEqual(windowOf([4, 4, 4, 4, 4, 4, 4, 4, 4]), { kept: [4, 4, 4, 4, 4], floor: 4 })
  })

  it('never has a floor below one that it had', () => {
    const { kept, floor } = windowOf([6, 6, 6, 7, 8, 9, 10, 11, 12], 7)
    assert.deepEqual({ kept, floor }, { kept: [8, 9, 10, 11, 12], floor: 7 })
  })

  it('knows the last revision of what came more than once', () => {
    const memory = lookupMemory(4)
    for (const [at, name] of ['a', 'b', 'a', 'c', 'a', 'd', 'e'].entries()) memory.set(name, at)
    assert.equal(memory.get('a'), 4)
    assert(memory.filter.mayHave('b'))
  })
})
