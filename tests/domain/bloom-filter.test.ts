import assert from 'node:assert/strict'
import { bloomFilter, hash } from '../../src/domain/bloom-filter.ts'

describe('a filter', () => {
  let filter = bloomFilter()
  const count = 400_000
  before(() => {
    filter = bloomFilter()
    for (let index = 0; index < count; index++) filter.add(`key ${index}`)
  })

  it('has all that was added, over as many layers as it took', () => {
    assert.equal(filter.layers.length, 4)
    for (let index = 0; index < count; index++) assert(filter.mayHave(`key ${index}`), `${index}`)
  })

  it('takes fewer than 3 of 1,000 others for its own', () => {
    let wrong = 0
    for (let index = 0; index < 100_000; index++) if (filter.mayHave(`other ${index}`)) wrong++
    assert(wrong > 0 && wrong < 300, `${wrong} of 100,000`)
  })

  it('goes on from the layers that were kept', () => {
    const again = bloomFilter(filter.layers)
    assert(again.mayHave('key 0') && again.mayHave(`key ${count - 1}`))
  })

  it('hashes as every release has', () => {
    assert.deepEqual(hash(''), [0x1aee8d83, 0x488bdcb9])
    assert.deepEqual(
      hash('transaction 01890a5d-ac96-774b-bcce-b302099a8057'),
      [0xcd27698c, 0xd161625f],
    )
  })

  it('sets the bits that every release has set, for snapshots keep them', () => {
    const { layers, add } = bloomFilter()
    add('key a')
    add('transaction 01890a5d-ac96-774b-bcce-b302099a8057')
    const bits = layers[0]?.bits ?? new Uint8Array()
    const set = [...bits].flatMap((byte, at) =>
      [0, 1, 2, 3, 4, 5, 6, 7].flatMap((bit) => ((byte >> bit) & 1 ? [at * 8 + bit] : [])),
    )
    assert.deepEqual(
      set,
      [
        11850, 12610, 21863, 26916, 41222, 52203, 55528, 62216, 70993, 72229, 85299, 92556, 99605,
        102569, 112582, 113911,
      ],
    )
  })
})
