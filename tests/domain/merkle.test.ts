import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { merkleRoot } from '../../src/domain/chain.ts'
import { inclusionPath, rootFrom } from '../support/inclusion-proof.ts'

const leaf = (hex: string): Buffer =>
  createHash('sha256')
    .update(Buffer.from(`00${hex}`, 'hex'))
    .digest()

/** The leaves and roots that Certificate Transparency's implementations are tested with. */
const inputs = [
  '',
  '00',
  '10',
  '2021',
  '3031',
  '40414243',
  '5051525354555657',
  '606162636465666768696a6b6c6d6e6f',
]
const roots = [
  'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
]

describe('the Merkle root', () => {
  it('is that of RFC 9162', () => {
    for (const [size, root] of roots.entries()) {
      const leaves = inputs.slice(0, size).map(leaf)
      assert.equal(merkleRoot(leaves).toString('hex'), root, `${size} leaves`)
    }
  })

  it('can be recomputed from any one leaf and its path, for every size up to 65', () => {
    const all = Array.from({ length: 65 }, (_, index) => leaf(index.toString(16).padStart(4, '0')))
    for (let size = 1; size <= all.length; size++) {
      const leaves = all.slice(0, size)
      const root = merkleRoot(leaves)
      for (const [index, one] of leaves.entries()) {
        const path = inclusionPath(leaves, index)
        assert(path.length <= Math.ceil(Math.log2(size)))
        assert.deepEqual(rootFrom(one, index, size, path), root)
      }
    }
  })

  it('is another for other leaves, another order or another number', () => {
    const leaves = inputs.map(leaf)
    const others = [
      leaves.slice(1),
      leaves.slice(0, -1),
      leaves.toReversed(),
      [...leaves, leaves.at(-1)!],
      leaves.with(3, leaf('ff')),
      [merkleRoot(leaves.slice(0, 4)), merkleRoot(leaves.slice(4))].slice(0, 1),
    ]
    const seen = new Set([leaves, ...others].map((some) => merkleRoot(some).toString('hex')))
    assert.equal(seen.size, others.length + 1)
  })
})
