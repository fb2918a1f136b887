/** Chance that can be had again: the same seed, the same answers in the same order. */
export type Random = {
  /** From 0 up to, not including, 1. */
  readonly next: () => number
  /** A whole number from `low` to `high`, both included. */
  readonly int: (low: number, high: number) => number
  readonly chance: (probability: number) => boolean
  readonly pick: <Item>(items: readonly Item[]) => Item
  /** All of them, every order as likely as the next. */
  readonly shuffled: <Item>(items: readonly Item[]) => Item[]
  /** One of the names, each as often as its weight says. */
  readonly weighted: <Name extends string>(weights: Readonly<Record<Name, number>>) => Name
  /** Between the two, every order of magnitude as likely as the next. */
  readonly logUniform: (low: number, high: number) => number
}

/** mulberry32 (Tommy Ettinger, public domain): 32 bits of state are plenty for a schedule. */
export const seeded = (seed: number): Random => {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
  const int = (low: number, high: number) => low + Math.floor(next() * (high - low + 1))
  return {
    next,
    int,
    chance: (probability) => next() < probability,
    pick: (items) => items[int(0, items.length - 1)] as never,
    shuffled: (items) => {
      const left = [...items]
      return items.map(() => left.splice(int(0, left.length - 1), 1)[0] as never)
    },
    weighted: (weights) => {
      const entries = Object.entries<number>(weights)
      let left = next() * entries.reduce((sum, [, weight]) => sum + weight, 0)
      const found = entries.find(([, weight]) => (left -= weight) < 0)
      return (found ?? entries.at(-1))?.[0] as never
    },
    logUniform: (low, high) => low * (high / low) ** next(),
  }
}
