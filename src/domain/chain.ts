import { createHash, createHmac } from 'node:crypto'
import canonicalize from 'canonicalize'
import type { EventMetadata, EventType } from './events/event.ts'
import { type BookEvent, eventTypes } from './events/index.ts'

const sha256 = (...parts: (string | Buffer)[]): Buffer => {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest()
}

/** RFC 8785: one text for one value, whatever wrote it. */
export const canonical = (value: unknown): string => {
  const text = (canonicalize as unknown as (value: unknown) => string | undefined)(value)
  if (text === undefined) throw new TypeError('only JSON values have a canonical form')
  return text
}

/** Stands before a book's first event, so that a chain cannot be passed off as another book's. */
export const genesis = (bookId: string): string => sha256(`daybook book ${bookId}`).toString('hex')

const leafPrefix = Buffer.from([0])
const nodePrefix = Buffer.from([1])

/** The salt of one leaf. It can be shown with that leaf and tells nothing of the others'. */
export const leafSalt = (salt: string, index: number): Buffer =>
  createHmac('sha256', Buffer.from(salt, 'hex')).update(String(index)).digest()

/** Merkle tree hash of RFC 9162 section 2.1.1, over leaves that were hashed already. */
export const merkleRoot = (leaves: readonly Buffer[]): Buffer => {
  const [first] = leaves
  if (!first) return sha256('')
  if (leaves.length === 1) return first
  const split = 2 ** Math.floor(Math.log2(leaves.length - 1))
  return sha256(nodePrefix, merkleRoot(leaves.slice(0, split)), merkleRoot(leaves.slice(split)))
}

/**
 * SHA-256 over the canonical JSON of an event: type, data and metadata as stored, the hash of the
 * event before it included. What `leaves` names enters as the root of a Merkle tree over salted
 * leaves, so a receipt for one transaction shows none of the others.
 */
export const hashEvent = (event: BookEvent, metadata: Omit<EventMetadata, 'hash'>): string => {
  const { leaf_salt, ...hashed } = metadata
  // A stored event's metadata has the hash itself, which cannot be part of what it covers.
  delete (hashed as { hash?: string }).hash
  const { leaves = [] }: EventType<never> = eventTypes[event.type]
  const data: Record<string, unknown> = { ...event.data }
  if (leaf_salt !== null) {
    const hashes: Buffer[] = []
    for (const name of leaves) {
      for (const leaf of data[name] as readonly unknown[]) {
        const text = canonical([name, leaf])
        hashes.push(sha256(leafPrefix, leafSalt(leaf_salt, hashes.length), text))
      }
      delete data[name]
    }
    data['leaves_root'] = merkleRoot(hashes).toString('hex')
  }
  return sha256(canonical({ type: event.type, data, metadata: hashed })).toString('hex')
}

/** Whether events of this type carry a salt. */
export const hasLeaves = (type: BookEvent['type']): boolean => {
  const { leaves }: EventType<never> = eventTypes[type]
  return leaves !== undefined
}
