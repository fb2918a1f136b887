/**
 * A set of texts that may take a text for one of its own, but never the other way round. It has
 * layers: when one has as many as it was made for, a larger one is begun; so it needs not to know
 * how many will come (Almeida, Baquero, Preguiça, Hutchison: Scalable Bloom Filters, 2007).
 */
export type BloomFilter = {
  readonly add: (text: string) => void
  readonly mayHave: (text: string) => boolean
  /** The oldest first; only the last one still changes. */
  readonly layers: readonly FilterLayer[]
}

export type FilterLayer = { readonly bits: Uint8Array; count: number }

/** With 16 bits and 8 probes a text, a full layer is wrong about 6 of 10,000 texts. */
const bitsEach = 16
const probes = 8
/** Texts in the first layer; each one more has four times as many, up to the largest. */
const firstCapacity = 8_192
const largestCapacity = 4_194_304

const emptyLayer = (capacity: number): FilterLayer => ({
  bits: new Uint8Array((capacity * bitsEach) / 8),
  count: 0,
})

const capacityOf = ({ bits }: FilterLayer): number => (bits.length * 8) / bitsEach

export const bloomFilter = (kept: readonly FilterLayer[] = []): BloomFilter => {
  const layers = kept.length > 0 ? [...kept] : [emptyLayer(firstCapacity)]
  let last = layers.at(-1) as FilterLayer
  return {
    layers,
    add: (text) => {
      if (last.count >= capacityOf(last)) {
        last = emptyLayer(Math.min(capacityOf(last) * 4, largestCapacity))
        layers.push(last)
      }
      const [first, step] = hash(text)
      const { bits } = last
      for (let probe = 0; probe < probes; probe++) {
        const place = placeOf(first, step, probe, bits)
        bits[place >>> 3] = (bits[place >>> 3] as number) | (1 << (place & 7))
      }
      last.count++
    },
    mayHave: (text) => {
      const [first, step] = hash(text)
      return layers.some(({ bits }) => hasAll(bits, first, step))
    },
  }
}

const hasAll = (bits: Uint8Array, first: number, step: number): boolean => {
  for (let probe = 0; probe < probes; probe++) {
    const place = placeOf(first, step, probe, bits)
    if (((bits[place >>> 3] as number) & (1 << (place & 7))) === 0) return false
  }
  return true
}

/** Probes from two hashes (Kirsch, Mitzenmacher: Less Hashing, Same Performance, 2006). */
const placeOf = (first: number, step: number, probe: number, bits: Uint8Array): number =>
  (first + Math.imul(probe, step)) & (bits.length * 8 - 1)

/**
 * Two hashes of 32 bits, the second one odd: bryc's cyrb53, which is in the public domain. Filters
 * are kept in snapshots, so it must never change.
 */
export const hash = (text: string): readonly [number, number] => {
  let one = 0xdeadbeef
  let other = 0x41c6ce57
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    one = Math.imul(one ^ code, 2654435761)
    other = Math.imul(other ^ code, 1597334677)
  }
  one = Math.imul(one ^ (one >>> 16), 2246822507) ^ Math.imul(other ^ (other >>> 13), 3266489909)
  other = Math.imul(other ^ (other >>> 16), 2246822507) ^ Math.imul(one ^ (one >>> 13), 3266489909)
  return [one >>> 0, (other | 1) >>> 0]
}
