import { createHash, type Hash } from 'node:crypto'
import { bloomFilter, type FilterLayer } from '../bloom-filter.ts'
import { type Book, emptyBook, withMemory } from '../book.ts'
import type { Keyed } from '../keyed.ts'
import { lookupMemory } from '../memory.ts'
import { format, mapCodecs, mapNames, scalarCodec } from './book-codec.ts'
import type { MapCodec } from './packed-map.ts'
import { entriesOf, openPacked, type PackedMap, packEntries } from './packed-map.ts'

/** Of which book and event a snapshot is, and in which form. */
export type SnapshotHead = {
  readonly bookId: string
  readonly revision: number
  readonly hash: string
  readonly format: string
}

/** Bytes of a snapshot: of a map, or a layer of the filter of lookups. */
export type SnapshotPart = { readonly section: string; readonly bytes: Uint8Array }

export type Snapshot = {
  readonly head: SnapshotHead
  /** What is small, and what the parts must come to. */
  readonly summary: string
  readonly parts: readonly SnapshotPart[]
}

type Summary = {
  readonly head: SnapshotHead
  readonly scalars: unknown
  readonly counts: Readonly<Record<string, number>>
  readonly filterCounts: readonly number[]
  /** SHA-256 of all parts, in order. */
  readonly digest: string
}

type Packed = { readonly snapshot: Snapshot; readonly book: Book }

const filterSection = 'filter'

const codecOf = (name: (typeof mapNames)[number]): MapCodec<unknown> =>
  mapCodecs[name] as unknown as MapCodec<unknown>

/**
 * Packs a book that stands on no other one and that nobody changes meanwhile. Whoever drives this
 * may pause at each step. Answers the snapshot, and the book itself over the packed bytes, which
 * takes a fraction of the memory.
 */
export function* packBook(book: Book): Generator<undefined, Packed> {
  const { memory } = book
  if (!memory) throw new Error('only a book that stands on no other one has a snapshot')
  const digest = createHash('sha256')
  const parts: SnapshotPart[] = []
  const maps: Record<string, Keyed<unknown>> = {}
  const counts: Record<string, number> = {}
  for (const name of mapNames) {
    const codec = codecOf(name)
    const packed = yield* packEntries(entriesOf<unknown>(book[name], codec))
    counts[name] = packed.count
    for (const bytes of packed.parts) {
      parts.push(digested(digest, { section: name, bytes }))
      yield
    }
    maps[name] = yield* openPacked(packed, codec)
  }
  const filterCounts: number[] = []
  for (const [index, { bits, count }] of memory.filter.layers.entries()) {
    // The last layer goes on changing while the snapshot is stored.
    const isLast = index === memory.filter.layers.length - 1
    const bytes = isLast ? new Uint8Array(bits) : bits
    parts.push(digested(digest, { section: filterSection, bytes }))
    filterCounts.push(count)
    yield
  }
  const head = { bookId: book.id, revision: book.revision, hash: book.hash, format }
  const scalars = scalarCodec.toJson(book)
  const summary: Summary = { head, scalars, counts, filterCounts, digest: digest.digest('hex') }
  return {
    snapshot: { head, summary: JSON.stringify(summary), parts },
    book: withMemory(memory, { ...book, ...maps }),
  }
}

const digested = (digest: Hash, part: SnapshotPart): SnapshotPart => {
  digest.update(part.section).update(part.bytes)
  return part
}

/**
 * The book as it was, all of its lookups being older than its window. Throws where the parts are
 * not what was packed, or not by this release. May be paused like packing.
 */
export function* unpackBook(
  { head, summary: text, parts }: Snapshot,
  window: number,
): Generator<undefined, Book> {
  const summary = JSON.parse(text) as Summary
  for (const name of ['bookId', 'revision', 'hash', 'format'] as const) {
    if (summary.head[name] !== head[name]) throw new Error(`its ${name} is not what its head says`)
  }
  if (head.format !== format) throw new Error('it is in the format of another release')
  const digest = createHash('sha256')
  for (const part of parts) {
    digested(digest, part)
    yield
  }
  if (digest.digest('hex') !== summary.digest) throw new Error('its bytes are not those of old')
  const maps: Record<string, Keyed<unknown>> = {}
  for (const name of mapNames) {
    const packed: PackedMap = {
      parts: partsOf(parts, name).map((bytes) =>
        Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length),
      ),
      count: summary.counts[name] ?? 0,
    }
    maps[name] = yield* openPacked(packed, codecOf(name))
  }
  const layers = partsOf(parts, filterSection).map(
    (bits, index): FilterLayer => ({ bits, count: summary.filterCounts[index] ?? 0 }),
  )
  const memory = lookupMemory(window, bloomFilter(layers), head.revision)
  const scalars = scalarCodec.fromJson(summary.scalars as never, '')
  return withMemory(memory, { ...emptyBook(head.bookId, window), ...scalars, ...maps })
}

const partsOf = (parts: readonly SnapshotPart[], name: string): Uint8Array[] =>
  parts.filter(({ section }) => section === name).map(({ bytes }) => bytes)
