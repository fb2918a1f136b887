import type { Compilable } from 'kysely'
import { LRUCache } from 'lru-cache'
import type { Reading } from './query.ts'

/** Stands for one of a statement's values where its text is built. */
class Slot {
  readonly place: number

  constructor(place: number) {
    this.place = place
  }
}

type Built = { readonly sql: string; readonly parameters: readonly unknown[] }

/** By the shapes that were asked for last. */
const built = new LRUCache<string, Built>({ max: 400 })

/**
 * Rows of a statement whose text follows from its shape. It is built the first time it is asked for: to
 * build it again would take longer than all else that is done for a page but to read and to write it.
 * `build` gets what stands for the values, in their order, and must do nothing but hand it on; what
 * else it depends on belongs to the shape.
 */
export const builtOnce = async <Values extends readonly unknown[], Row>(
  reading: Reading,
  shape: readonly unknown[],
  values: Values,
  build: (values: Values) => Compilable<Row>,
): Promise<Row[]> => {
  const name = JSON.stringify(shape)
  let known = built.get(name)
  if (!known) {
    const slots = values.map((_, place) => new Slot(place))
    known = build(slots as unknown as Values).compile()
    built.set(name, known)
  }
  const parameters = known.parameters.map((one) => (one instanceof Slot ? values[one.place] : one))
  return (await reading.run(known.sql, parameters)) as Row[]
}
