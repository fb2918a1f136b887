import type { Table } from '../../projections/table.ts'
import { sqlRowText } from './row-text.ts'

/**
 * What a set of rows comes to, whatever their order: how many there are, and the sum of the hashes
 * of their texts modulo 2^64. Rows are added and taken away one by one, so it costs as much as what
 * changes. It finds mistakes, not forgers.
 */
export type Digest = { readonly rows: number; readonly sum: bigint }

const modulus = 1n << 64n

export const plus = (one: Digest, other: Digest): Digest => ({
  rows: one.rows + other.rows,
  sum: (one.sum + other.sum + modulus) % modulus,
})

export type DigestChange = {
  readonly add: (text: string) => void
  /** The same of a text that stands in UTF-8 from one place of a block to another. */
  readonly addBytes: (block: DataView, from: number, to: number) => void
  readonly remove: (text: string) => void
  /** What was added less what was removed, and begins anew. */
  readonly take: () => Digest
}

/** Halves of the sums stay exact in a double for two million rows. */
export const digestChange = (): DigestChange => {
  let rows = 0
  let high = 0
  let low = 0
  const added = () => {
    rows++
    high += hashHigh
    low += hashLow
  }
  return {
    add: (text) => {
      hashText(text)
      added()
    },
    addBytes: (block, from, to) => {
      hashBytes(block, from, to)
      added()
    },
    remove: (text) => {
      hashText(text)
      rows--
      high -= hashHigh
      low -= hashLow
    },
    take: () => {
      const sum = BigInt.asUintN(64, (BigInt(high) << 32n) + BigInt(low))
      const taken = { rows, sum }
      rows = high = low = 0
      return taken
    },
  }
}

/** The digest of stored rows: columns `rows` and `sum`, the latter as digits. */
export const sqlDigest = (schema: string, name: string, table: Table): string =>
  `select count(*)::int8 as rows,
     coalesce(mod(mod(sum(hashtextextended(${sqlRowText(table)}, 0)::numeric), ${modulus})
       + ${modulus}, ${modulus}), 0)::text as sum
   from ${schema}."${name}"`

let hashHigh = 0
let hashLow = 0

/** Bytes that one UTF-16 unit takes in UTF-8, at most. */
export const mostBytes = 3

let scratch = Buffer.alloc(0)
let scratchView = new DataView(new ArrayBuffer(0))

const hashText = (text: string): void => {
  if (text.length * mostBytes > scratch.length) {
    scratchView = new DataView(new ArrayBuffer(2 * text.length * mostBytes))
    scratch = Buffer.from(scratchView.buffer)
  }
  hashBytes(scratchView, 0, scratch.write(text))
}

/**
 * What `hashtextextended(text, 0)` of Postgres gives, in two halves: Bob Jenkins' lookup3 (public
 * domain, 2006), in the form of src/common/hashfn.c there. Written out in one piece: in calls of
 * functions it takes three times as long; and over bytes: over the text itself five times.
 */
const hashBytes = (block: DataView, from: number, to: number): void => {
  let a = (0x9e3779b9 + to - from + 3923095) | 0
  let b = a
  let c = a
  let at = from
  for (; to - at >= 12; at += 12) {
    a = (a + block.getInt32(at, true)) | 0
    b = (b + block.getInt32(at + 4, true)) | 0
    c = (c + block.getInt32(at + 8, true)) | 0
    a = ((a - c) | 0) ^ rotate(c, 4)
    c = (c + b) | 0
    b = ((b - a) | 0) ^ rotate(a, 6)
    a = (a + c) | 0
    c = ((c - b) | 0) ^ rotate(b, 8)
    b = (b + a) | 0
    a = ((a - c) | 0) ^ rotate(c, 16)
    c = (c + b) | 0
    b = ((b - a) | 0) ^ rotate(a, 19)
    a = (a + c) | 0
    c = ((c - b) | 0) ^ rotate(b, 4)
    b = (b + a) | 0
  }
  // The lowest byte of the last word is reserved for the length.
  for (let place = 0; at < to; at++, place++) {
    const byte = block.getUint8(at)
    if (place < 4) a = (a + (byte << (8 * place))) | 0
    else if (place < 8) b = (b + (byte << (8 * (place - 4)))) | 0
    else c = (c + (byte << (8 * (place - 7)))) | 0
  }
  c = ((c ^ b) - rotate(b, 14)) | 0
  a = ((a ^ c) - rotate(c, 11)) | 0
  b = ((b ^ a) - rotate(a, 25)) | 0
  c = ((c ^ b) - rotate(b, 16)) | 0
  a = ((a ^ c) - rotate(c, 4)) | 0
  b = ((b ^ a) - rotate(a, 14)) | 0
  c = ((c ^ b) - rotate(b, 24)) | 0
  hashHigh = b >>> 0
  hashLow = c >>> 0
}

const rotate = (value: number, by: number): number => (value << by) | (value >>> (32 - by))
