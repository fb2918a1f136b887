import assert from 'node:assert/strict'
import { validate, version } from 'uuid'
import { newId, newSalt } from '../../src/api/ids.ts'

describe('ids', () => {
  it('are UUIDs of version 7 of this moment, each above the one before', () => {
    const before = Date.now()
    const ids = Array.from({ length: 5_000 }, newId)
    for (const id of ids) assert.ok(validate(id) && version(id) === 7, id)
    assert.deepEqual(ids.toSorted(), ids)
    assert.equal(new Set(ids).size, ids.length)
    const made = Number.parseInt((ids[0] as string).replace('-', '').slice(0, 12), 16)
    assert.ok(made >= before && made <= Date.now(), `${made} is a time between`)
  })

  it('end in random bytes of their own', () => {
    const ends = Array.from({ length: 5_000 }, () => newId().slice(-12))
    assert.equal(new Set(ends).size, ends.length)
  })

  it('have salts beside them, each of 16 bytes', () => {
    const salts = Array.from({ length: 2_000 }, newSalt)
    for (const salt of salts) assert.match(salt, /^[0-9a-f]{32}$/)
    assert.equal(new Set(salts).size, salts.length)
  })
})
