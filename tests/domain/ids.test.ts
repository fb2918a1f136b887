import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { derivedId } from '../../src/domain/ids.ts'

describe('an id that follows from its parts', () => {
  it('is the beginning of their hash, as a UUID of version 8', () => {
    for (const parts of [['a', 'b'], ['ab'], ['a', 'b', '']]) {
      const hash = createHash('sha256').update(JSON.stringify(parts)).digest('hex')
      const [, first, second, third, fourth, rest] =
        /^(.{8})(.{4}).(.{3}).(.{3})(.{12})/.exec(hash) ?? []
      const id = derivedId(...parts)
      const form = new RegExp(`^${first}-${second}-8${third}-[89ab]${fourth}-${rest}$`)
      assert.match(id, form)
    }
  })

  it('stays the same for ever, for books are known by it', () => {
    assert.equal(derivedId('a', 'b'), '0473ef2d-c0d3-84ab-a59d-3580c1134e9d')
    assert.equal(derivedId('ab'), 'f9ca6d37-8ada-8ba7-87de-88d13d0e9126')
  })
})
