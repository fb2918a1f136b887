/** What a book needs of a map: a `Map` is one, and so is one that keeps most of it packed. */
export type Keyed<Value> = {
  readonly size: number
  readonly get: (key: string) => Value | undefined
  set(key: string, value: Value): unknown
  readonly delete: (key: string) => boolean
  readonly [Symbol.iterator]: () => IterableIterator<[string, Value]>
}
