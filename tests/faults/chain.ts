import { createHash } from 'node:crypto'

// Written anew from the description of the chain, so that a mistake in Daybook's own hashing is not
// made twice.

const sha256 = (...parts: (string | Buffer)[]): Buffer => {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest()
}

/** RFC 8785. JavaScript's own sort is by UTF-16 code units, and its numbers are as ECMAScript's. */
export const canonicalJson = (value: unknown): string => {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  if (value === null || typeof value !== 'object') return JSON.stringify(value)
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, member]) => `${JSON.stringify(name)}:${canonicalJson(member)}`)
  return `{${members.join(',')}}`
}

export const firstHash = (bookId: string): string =>
  sha256(`daybook book ${bookId}`).toString('hex')

/** RFC 9162, 2.1.1: the left subtree is the greatest power of two below the number of leaves. */
const rootOf = (leaves: readonly Buffer[]): Buffer => {
  if (leaves.length === 0) return sha256('')
  if (leaves.length === 1) return leaves[0] as Buffer
  let left = 1
  while (left * 2 < leaves.length) left *= 2
  return sha256(Buffer.from([1]), rootOf(leaves.slice(0, left)), rootOf(leaves.slice(left)))
}

/** What of the data are leaves, by the type of the event. */
const leafNames: Readonly<Record<string, readonly string[]>> = {
  TransactionsRecorded: ['transactions', 'refused', 'existing'],
  BatchApplied: ['items'],
}

/** What the stored `hash` of an event has to be. */
export const hashOf = (
  type: string,
  stored: Readonly<Record<string, unknown>>,
  metadata: Readonly<Record<string, unknown>>,
): string => {
  const { hash: _, leaf_salt, ...hashed } = metadata
  const data: Record<string, unknown> = { ...stored }
  if (typeof leaf_salt === 'string') {
    const leaves: Buffer[] = []
    for (const name of leafNames[type] ?? []) {
      for (const leaf of stored[name] as unknown[]) {
        const [digest, quarter] = [Math.floor(leaves.length / 4), leaves.length % 4]
        const salts = createHash('sha512').update(`${leaf_salt} ${digest}`).digest()
        const salt = salts.subarray(quarter * 16, quarter * 16 + 16).toString('hex')
        leaves.push(sha256(Buffer.from([0]), salt, canonicalJson([name, leaf])))
      }
      delete data[name]
    }
    data['leaves_root'] = rootOf(leaves).toString('hex')
  }
  return sha256(canonicalJson({ type, data, metadata: hashed })).toString('hex')
}
