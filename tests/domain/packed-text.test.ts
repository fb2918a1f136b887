import assert from 'node:assert/strict'
import {
  endOfText,
  packedLimit,
  packText,
  unpackText,
} from '../../src/domain/snapshot/packed-text.ts'

const uuid = '01a20770-775f-7455-bb25-55f824fd619d'

/** How many bytes it takes, once it is found to come out as it went in. */
const packedBytes = (text: string): number => {
  const target = Buffer.alloc(packedLimit(text) + 3, 0xee)
  const end = packText(text, target, 3)
  assert.equal(endOfText(target, 3), end)
  assert.equal(unpackText(target.subarray(0, end), 3), text)
  assert(end - 3 <= packedLimit(text))
  return end - 3
}

describe('a packed text', () => {
  it('takes 17 bytes where it is a UUID in small letters', () => {
    assert.equal(packedBytes(uuid), 17)
    assert.equal(packedBytes('ffffffff-ffff-ffff-ffff-ffffffffffff'), 17)
  })

  it('is not taken for a UUID where it is none', () => {
    for (const other of [
      uuid.toUpperCase(),
      uuid.replaceAll('-', '0'),
      uuid.replace('-', '_'),
      uuid.replace('a', 'g'),
      uuid.replace('a', 'é').slice(0, 36),
      uuid.replace('d', '\u0100'),
      `0${uuid.slice(0, -1)}`,
    ]) {
      assert.equal(packedBytes(other), 1 + Buffer.byteLength(other), other)
    }
    assert.equal(packedBytes(`${uuid}0`), 38)
  })

  it('takes one byte more than it has, and five where it is empty or has 255 and more', () => {
    assert.equal(packedBytes('a'), 2)
    assert.equal(packedBytes('日記'), 7)
    assert.equal(packedBytes('x'.repeat(254)), 255)
    assert.equal(packedBytes('x'.repeat(255)), 260)
    assert.equal(packedBytes(''), 5)
  })

  it('is not read past its end', () => {
    const target = Buffer.alloc(100)
    const end = packText('some text', target, 0)
    assert.throws(() => unpackText(target.subarray(0, end - 1), 0), RangeError)
  })
})
