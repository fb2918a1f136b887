import type { Keyed } from '../keyed.ts'
import type { Codec } from './codec.ts'
import { endOfText, packedLimit, packText, unpackText } from './packed-text.ts'

/** The entries of a map in bytes: key and value, each as a packed text. */
export type PackedMap = { readonly parts: readonly Buffer[]; readonly count: number }

const partBits = 20
const partBytes = 2 ** partBits
/** A part is begun small and grows: most books have little in most of their maps. */
const firstBytes = 4 * 1024
/** So many entries are packed between two pauses. */
const slice = 500

/** Entries, each as it stands in bytes already or still to be packed. */
type Entry =
  | readonly [bytes: Buffer, from: number, to: number]
  | readonly [key: string, text: string]

/** Packs entries; whoever drives it may pause at each step. */
export function* packEntries(entries: Iterable<Entry>): Generator<undefined, PackedMap> {
  const parts: Buffer[] = []
  let part = Buffer.allocUnsafe(firstBytes)
  let end = 0
  let count = 0
  const room = (bytes: number) => {
    const wanted = end + bytes
    if (wanted <= part.length) return
    if (wanted <= partBytes) {
      const larger = Buffer.allocUnsafe(Math.min(partBytes, Math.max(2 * part.length, wanted)))
      part.copy(larger, 0, 0, end)
      part = larger
      return
    }
    if (end > 0) parts.push(part.subarray(0, end))
    part = Buffer.allocUnsafe(Math.max(partBytes, bytes))
    end = 0
  }
  for (const entry of entries) {
    if (entry.length === 3) {
      const [bytes, from, to] = entry
      room(to - from)
      end += bytes.copy(part, end, from, to)
    } else {
      const [key, text] = entry
      room(packedLimit(key) + packedLimit(text))
      end = packText(text, part, packText(key, part, end))
    }
    count++
    if (count % slice === 0) yield
  }
  if (end > 0) parts.push(Buffer.from(part.subarray(0, end)))
  return { parts, count }
}

const toText = <Value>({ toJson, isText }: MapCodec<Value>, value: Value): string => {
  const json = toJson(value)
  return isText ? (json as string) : JSON.stringify(json)
}

const fromText = <Value>({ fromJson, isText }: MapCodec<Value>, text: string, key: string): Value =>
  fromJson(isText ? text : JSON.parse(text), key)

/** Of a map's values; `isText` where all of them are texts. */
export type MapCodec<Value> = Codec<Value> & { readonly isText?: true }

/** FNV-1a (Fowler, Noll, Vo), 32 bits. */
const hashOf = (bytes: Buffer, from: number, to: number): number => {
  let hash = 0x811c9dc5
  for (let at = from; at < to; at++) hash = Math.imul(hash ^ (bytes[at] as number), 0x01000193)
  return (hash ^ (hash >>> 15)) >>> 0
}

/** Where an entry begins: the part's first unit of a mebibyte, and the place in it. */
type Place = { readonly part: Buffer; readonly at: number }

type PackedIndex = {
  readonly placeOf: (stored: number) => Place
  /** Where the key in these bytes stands, as `placeOf` takes it; 0 where it does not. */
  readonly stored: (bytes: Buffer, to: number) => number
}

function* indexOf({ parts, count }: PackedMap): Generator<undefined, PackedIndex> {
  const units: { readonly part: Buffer; readonly first: number }[] = []
  const capacity = 2 ** Math.max(4, Math.ceil(Math.log2(count * 1.5 + 1)))
  /** Open addressing; 0 is empty, else one more than the place in units. */
  const table = new Uint32Array(capacity)
  let found = 0

  const placeOf = (stored: number): Place => {
    const unit = units[(stored - 1) >>> partBits]
    if (!unit) throw new RangeError('there is no such place')
    return { part: unit.part, at: stored - 1 - unit.first * partBytes }
  }
  /** The slot of this key, or the empty one where it would be. */
  const slotOf = (bytes: Buffer, from: number, to: number): number => {
    for (let slot = hashOf(bytes, from, to); ; slot++) {
      const stored = table[slot % capacity] as number
      if (stored === 0) return slot % capacity
      const { part, at } = placeOf(stored)
      const end = endOfText(part, at)
      if (end - at === to - from && part.compare(bytes, from, to, at, end) === 0) {
        return slot % capacity
      }
    }
  }
  for (const part of parts) {
    const first = units.length
    for (let unit = 0; unit < Math.ceil(part.length / partBytes); unit++)
      units.push({ part, first })
    for (let at = 0; at < part.length; ) {
      const end = endOfText(part, at)
      const next = endOfText(part, end)
      if (next > part.length) throw new RangeError('a packed entry goes on past its end')
      const slot = slotOf(part, at, end)
      if (table[slot] !== 0) throw new RangeError('a key is packed twice')
      if (++found > count) throw new RangeError('there are more entries than were packed')
      table[slot] = first * partBytes + at + 1
      at = next
      if (found % slice === 0) yield
    }
  }
  if (found !== count) throw new RangeError(`${found} of ${count} packed entries are there`)
  return { placeOf, stored: (bytes: Buffer, to: number) => table[slotOf(bytes, 0, to)] as number }
}

/** Of an entry that is not packed; an account with its limits takes about so much. */
const bytesOfChanged = 500

/** Of memory, roughly. */
export const bytesOf = (map: Keyed<unknown>): number =>
  'bytes' in map ? (map as OpenedMap<unknown>).bytes : map.size * bytesOfChanged

/** A map that keeps what it began with packed, and what changed since as it is. */
export type OpenedMap<Value> = Keyed<Value> & {
  readonly bytes: number
  readonly entries: () => Iterable<Entry>
}

let scratch = Buffer.allocUnsafe(1024)

/** Throws a `RangeError` if the bytes are no packed map. May be paused like packing. */
export function* openPacked<Value>(
  packed: PackedMap,
  codec: MapCodec<Value>,
): Generator<undefined, OpenedMap<Value>> {
  return new Opened(packed, yield* indexOf(packed), codec)
}

class Opened<Value> implements OpenedMap<Value> {
  private readonly packed: PackedMap
  private readonly index: PackedIndex
  private readonly codec: MapCodec<Value>
  private readonly packedBytes: number
  private readonly changed = new Map<string, Value>()
  /** Places of entries that were changed or deleted. */
  private readonly replaced = new Set<number>()

  constructor(packed: PackedMap, index: PackedIndex, codec: MapCodec<Value>) {
    this.packed = packed
    this.index = index
    this.codec = codec
    this.packedBytes = packed.parts.reduce((sum, { length }) => sum + length, 8 * packed.count)
  }

  get bytes(): number {
    return this.packedBytes + this.changed.size * bytesOfChanged
  }

  get size(): number {
    return this.packed.count - this.replaced.size + this.changed.size
  }

  get(key: string): Value | undefined {
    const value = this.changed.get(key)
    if (value !== undefined || this.packed.count === 0) return value
    const place = this.stored(key)
    if (place === 0 || this.replaced.has(place)) return undefined
    return this.valueAt(this.index.placeOf(place), key)
  }

  set(key: string, value: Value): void {
    if (!this.changed.has(key)) {
      const place = this.stored(key)
      if (place !== 0) this.replaced.add(place)
    }
    this.changed.set(key, value)
  }

  delete(key: string): boolean {
    const place = this.stored(key)
    const wasKept = place !== 0 && !this.replaced.has(place)
    if (wasKept) this.replaced.add(place)
    return this.changed.delete(key) || wasKept
  }

  *[Symbol.iterator](): IterableIterator<[string, Value]> {
    for (const place of this.kept()) {
      const key = unpackText(place.part, place.at)
      yield [key, this.valueAt(place, key)]
    }
    yield* this.changed
  }

  *entries(): Generator<Entry> {
    for (const { part, at, value } of this.kept()) yield [part, at, endOfText(part, value)]
    for (const [key, value] of this.changed) yield [key, toText(this.codec, value)]
  }

  private stored(key: string): number {
    if (packedLimit(key) > scratch.length) scratch = Buffer.allocUnsafe(packedLimit(key))
    return this.index.stored(scratch, packText(key, scratch, 0))
  }

  private valueAt({ part, at }: Place, key: string): Value {
    return fromText(this.codec, unpackText(part, endOfText(part, at)), key)
  }

  private *kept(): Generator<Place & { readonly value: number }> {
    let first = 0
    for (const part of this.packed.parts) {
      for (let at = 0; at < part.length; ) {
        const value = endOfText(part, at)
        if (!this.replaced.has(first * partBytes + at + 1)) yield { part, at, value }
        at = endOfText(part, value)
      }
      first += Math.ceil(part.length / partBytes)
    }
  }
}

/** Of any map: what is packed already is copied as it is. */
export function* entriesOf<Value>(map: Keyed<Value>, codec: MapCodec<Value>): Generator<Entry> {
  if ('entries' in map && 'bytes' in map) yield* (map as OpenedMap<Value>).entries()
  else for (const [key, value] of map) yield [key, toText(codec, value)]
}
