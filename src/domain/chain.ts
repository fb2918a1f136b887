import { hash as digest } from 'node:crypto'
import canonicalize from 'canonicalize'
import type { EventMetadata, EventType } from './events/event.ts'
import { type BookEvent, eventTypes } from './events/index.ts'

/** A digest as 32 characters of one byte each: three times as fast to get as a Buffer. */
type Digest = string

const sha256 = (data: string | Buffer): Digest => digest('sha256', data, 'binary')
const toBytes = (digest: Digest): Buffer => Buffer.from(digest, 'latin1')
const toHex = (digest: Digest): string => toBytes(digest).toString('hex')

/**
 * RFC 8785: one text for one value, whatever wrote it. That is what JSON.stringify gives, numbers
 * and strings included, for a value whose keys are in order already, as those of events mostly are.
 */
export const canonical = (value: unknown): string => {
  if (isInOrder(value)) return JSON.stringify(value)
  const text = (canonicalize as unknown as (value: unknown) => string | undefined)(value)
  if (text === undefined) throw new TypeError('only JSON values have a canonical form')
  return text
}

const isInOrder = (value: unknown): boolean => {
  if (typeof value === 'string' || typeof value === 'boolean' || value === null) return true
  if (typeof value === 'number') return Number.isFinite(value)
  if (Array.isArray(value)) return value.every(isInOrder)
  return typeof value === 'object' && hasOrder(value)
}

/** Keys that look like numbers come first in JavaScript, whatever their order was. */
const hasOrder = (value: object): boolean => {
  if ('toJSON' in value) return false
  let before = ''
  for (const key of Object.keys(value)) {
    const first = key.charCodeAt(0)
    if (key < before || (first >= 0x30 && first <= 0x39)) return false
    if (!isInOrder((value as Record<string, unknown>)[key])) return false
    before = key
  }
  return true
}

/** Stands before a book's first event, so that a chain cannot be passed off as another book's. */
export const genesis = (bookId: string): string => toHex(sha256(`daybook book ${bookId}`))

/** 128 bits, as hex. One digest gives so many salts. */
const saltLength = 32
const saltsADigest = 4

/**
 * The salt of one leaf of an event: a quarter of a SHA-512 digest over the event's salt and the
 * number of the digest. One can be shown with its leaf and tells nothing of the others'.
 */
export const leafSalt = (salt: string, index: number): string =>
  quarter(saltDigest(salt, Math.floor(index / saltsADigest)), index)

const saltDigest = (salt: string, place: number): string => digest('sha512', `${salt} ${place}`)

const quarter = (salts: string, index: number): string => {
  const start = (index % saltsADigest) * saltLength
  return salts.slice(start, start + saltLength)
}

/** All leaves of an event are asked for in turn. */
const leafSalts = (salt: string): ((index: number) => string) => {
  let salts = ''
  return (index) => {
    if (index % saltsADigest === 0) salts = saltDigest(salt, index / saltsADigest)
    return quarter(salts, index)
  }
}

/** RFC 9162: what begins with 0 is a leaf, what begins with 1 a node. */
const leafHash = (salt: string, text: string): Digest => sha256(`\0${salt}${text}`)

const hashBytes = 32
const node = Buffer.alloc(1 + 2 * hashBytes, 1)

const nodeHash = (left: Digest, right: Digest): Digest => {
  node.write(left, 1, 'latin1')
  node.write(right, 1 + hashBytes, 'latin1')
  return sha256(node)
}

const rootOf = (leaves: readonly Digest[], from = 0, count = leaves.length): Digest => {
  if (count === 0) return sha256('')
  if (count === 1) return leaves[from] as Digest
  const split = 2 ** Math.floor(Math.log2(count - 1))
  return nodeHash(rootOf(leaves, from, split), rootOf(leaves, from + split, count - split))
}

/** Merkle tree hash of RFC 9162 section 2.1.1, over leaves that were hashed already. */
export const merkleRoot = (leaves: readonly Buffer[]): Buffer =>
  toBytes(rootOf(leaves.map((leaf) => leaf.toString('latin1'))))

/** An event's hash, and the texts that it was made of. */
export type Digested = {
  readonly hash: string
  /** Its data as JSON, with all keys where they are. */
  readonly data: string
  /** Canonical JSON of its metadata without the hash and the salt. */
  readonly signed: string
}

/**
 * SHA-256 over the canonical JSON of an event: type, data and metadata as stored, the hash of the
 * event before it included. What `leaves` names enters as the root of a Merkle tree over salted
 * leaves, so a receipt for one transaction shows none of the others.
 */
export const digestEvent = (
  event: BookEvent,
  metadata: Omit<EventMetadata, 'hash'>,
  spell: Spell = {},
): Digested => {
  // A stored event's metadata has the hash itself, which cannot be part of what it covers.
  const { leaf_salt, hash: _, ...rest } = metadata as EventMetadata
  const { data, hashed } =
    leaf_salt === null
      ? textsOf(event.data)
      : inLeaves(event, rest.schema_version, leaf_salt, spell)
  const signed = canonical(rest)
  const text = `{"data":${hashed},"metadata":${signed},"type":${canonical(event.type)}}`
  return { hash: toHex(sha256(text)), data, signed }
}

export const hashEvent = (event: BookEvent, metadata: Omit<EventMetadata, 'hash'>): string =>
  digestEvent(event, metadata).hash

/** JSON of data with all keys where they are, and the canonical form of what is hashed for it. */
type Texts = { readonly data: string; readonly hashed: string }

/** Made once where the two are one, as they mostly are. */
const textsOf = (value: unknown): Texts => {
  const data = JSON.stringify(value)
  return { data, hashed: isInOrder(value) ? data : canonical(value) }
}

/** By name of the leaves: how those are spelled that the domain has just made. */
type Spell = { readonly [name: string]: ((leaf: never) => string | null) | undefined }

const spelled = (item: unknown, spell: Spell[string]): Texts => {
  const data = spell?.(item as never) ?? null
  return data === null ? textsOf(item) : { data, hashed: data }
}

/** The root of their tree takes the place of the leaves. */
const inLeaves = (event: BookEvent, version: number, salt: string, spell: Spell): Texts => {
  const { leaves = [], formerLeaves = {} }: EventType<never> = eventTypes[event.type]
  const names: readonly string[] = formerLeaves[version] ?? leaves
  const data: Readonly<Record<string, unknown>> = event.data
  const saltOf = leafSalts(salt)
  const hashes: Digest[] = []
  const lists: Record<string, string> = {}
  for (const name of names) {
    const items: string[] = []
    for (const item of data[name] as readonly unknown[]) {
      const { data, hashed } = spelled(item, spell[name])
      items.push(data)
      hashes.push(leafHash(saltOf(hashes.length), `["${name}",${hashed}]`))
    }
    lists[name] = `[${items.join(',')}]`
  }
  const stored: Field[] = []
  const hashed: Field[] = [['leaves_root', `"${toHex(rootOf(hashes))}"`]]
  for (const name of Object.keys(data)) {
    const list = lists[name]
    const texts = list === undefined ? textsOf(data[name]) : null
    stored.push([name, texts ? texts.data : (list as string)])
    if (texts) hashed.push([name, texts.hashed])
  }
  return { data: object(stored), hashed: object(hashed.sort(byName)) }
}

/** A name of an event's data, which needs no escape, and JSON. */
type Field = readonly [string, string]

const byName = ([one]: Field, [other]: Field): number => (one < other ? -1 : 1)

const object = (fields: readonly Field[]): string => {
  let text = ''
  for (const [name, json] of fields) text += `${text === '' ? '' : ','}"${name}":${json}`
  return `{${text}}`
}

/** The same for an event that the domain has just made: what it put together need not be examined. */
export const digestNew = (event: BookEvent, metadata: Omit<EventMetadata, 'hash'>): Digested => {
  const { spell }: EventType<never> = eventTypes[event.type]
  return digestEvent(event, metadata, spell)
}

/** Whether events of this type carry a salt. */
export const hasLeaves = (type: BookEvent['type']): boolean => {
  const { leaves }: EventType<never> = eventTypes[type]
  return leaves !== undefined
}
