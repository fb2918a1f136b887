import { createHash } from 'node:crypto'

const node = (left: Buffer, right: Buffer): Buffer =>
  createHash('sha256').update(Buffer.of(1)).update(left).update(right).digest()

/** The largest power of two below n. */
const splitOf = (n: number): number => {
  let split = 1
  while (split * 2 < n) split *= 2
  return split
}

const rootOf = (leaves: readonly Buffer[]): Buffer => {
  if (leaves.length === 1) return leaves[0]!
  const split = splitOf(leaves.length)
  return node(rootOf(leaves.slice(0, split)), rootOf(leaves.slice(split)))
}

/** RFC 9162, section 2.1.3.1: what a holder of one leaf must be shown beside it. */
export const inclusionPath = (leaves: readonly Buffer[], index: number): Buffer[] => {
  if (leaves.length === 1) return []
  const split = splitOf(leaves.length)
  const [left, right] = [leaves.slice(0, split), leaves.slice(split)]
  return index < split
    ? [...inclusionPath(left, index), rootOf(right)]
    : [...inclusionPath(right, index - split), rootOf(left)]
}

/** RFC 9162, section 2.1.3.2: the root that a leaf and its path lead to. */
export const rootFrom = (
  leaf: Buffer,
  index: number,
  size: number,
  path: readonly Buffer[],
): Buffer => {
  let place = index
  let last = size - 1
  let root = leaf
  for (const sibling of path) {
    if (last === 0) throw new Error('the path is too long')
    if (place % 2 === 1 || place === last) {
      root = node(sibling, root)
      while (place % 2 === 0 && place !== 0) {
        place = Math.floor(place / 2)
        last = Math.floor(last / 2)
      }
    } else {
      root = node(root, sibling)
    }
    place = Math.floor(place / 2)
    last = Math.floor(last / 2)
  }
  if (last !== 0) throw new Error('the path is too short')
  return root
}
