type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json }

/** How a value is written as JSON. `form` changes whenever what is written does. */
export type Codec<Value> = {
  readonly form: string
  readonly toJson: (value: Value) => Json
  /** `key` is what the value is kept under. */
  readonly fromJson: (json: Json, key: string) => Value
}

/** A value that is JSON already. */
export const plain = <Value extends Json | object>(form = 'plain'): Codec<Value> => ({
  form,
  toJson: (value) => value as Json,
  fromJson: (json) => json as Value,
})

/** Digits, as text. */
export const bigInteger: Codec<bigint> = {
  form: 'integer',
  toJson: String,
  fromJson: (json) => BigInt(json as string),
}

/** An instant in ms; one that never comes is infinitely far. */
export const numberOrNever: Codec<number> = {
  form: 'instant',
  toJson: (value) => (Number.isFinite(value) ? value : null),
  fromJson: (json) => (json === null ? Number.POSITIVE_INFINITY : (json as number)),
}

export const orNull = <Value>(codec: Codec<Value>): Codec<Value | null> => ({
  form: `${codec.form}?`,
  toJson: (value) => (value === null ? null : codec.toJson(value)),
  fromJson: (json, key) => (json === null ? null : codec.fromJson(json, key)),
})

/** Empty lists are one and the same, since a million accounts have one. */
export const listOf = <Value>(codec: Codec<Value>): Codec<readonly Value[]> => {
  const none: readonly Value[] = []
  return {
    form: `${codec.form}*`,
    toJson: (list) => list.map(codec.toJson),
    fromJson: (json, key) => {
      const list = json as readonly Json[]
      return list.length === 0 ? none : list.map((one) => codec.fromJson(one, key))
    },
  }
}

/** The key once more, which is not written twice. */
export const ownKey: Codec<string> = { form: 'key', toJson: () => 0, fromJson: (_, key) => key }

/** A text of which there are few, so that equal ones are one and the same. */
export const word = <Value extends string>(): Codec<Value> => {
  const known = new Map<string, Value>()
  return {
    form: 'word',
    toJson: (value) => value,
    fromJson: (json) => {
      const value = json as Value
      const same = known.get(value)
      if (same === undefined && known.size < 1_000) known.set(value, value)
      return same ?? value
    },
  }
}

/** An object with every one of its fields: one that is left out does not compile. */
export const fields = <Value extends object>(
  codecs: {
    readonly [Name in keyof Value]-?: Codec<Value[Name]>
  },
): Codec<Value> => {
  const names = Object.keys(codecs) as (keyof Value & string)[]
  const all = names.map((name) => codecs[name])
  return {
    form: `{${names.map((name) => `${name}:${codecs[name].form}`).join()}}`,
    toJson: (value) =>
      names.map((name, index) => (all[index] as Codec<unknown>).toJson(value[name])),
    fromJson: (json, key) => {
      const value: Partial<Value> = {}
      for (const [index, name] of names.entries()) {
        const codec = all[index] as Codec<Value[typeof name]>
        value[name] = codec.fromJson((json as readonly Json[])[index] as Json, key)
      }
      return value as Value
    },
  }
}
