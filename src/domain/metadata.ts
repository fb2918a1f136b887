import Type, { type Static } from 'typebox'
import { type Rejection, reject } from './rejection.ts'

const maxKeys = 50
const Key = Type.String({ pattern: '^[A-Za-z0-9_.:-]{1,64}$' })
const Value = Type.String({ maxLength: 1000 })

/** Whatever the client wants to keep with a thing: up to 50 keys of text. */
export const Metadata = Type.Record(Key, Value, {
  maxProperties: maxKeys,
  additionalProperties: false,
  description: `Up to ${maxKeys} keys of text`,
})
export type Metadata = Static<typeof Metadata>

/** Keys that are not named stay as they are. */
export const MetadataChanges = Type.Record(Key, Type.Union([Value, Type.Null()]), {
  maxProperties: 2 * maxKeys,
  additionalProperties: false,
  description: 'Keys to set; null removes one, and those left out stay',
})
export type MetadataChanges = Static<typeof MetadataChanges>

export const changeMetadata = (
  metadata: Metadata,
  changes: MetadataChanges,
): { readonly metadata: Metadata } | Rejection => {
  const changed = new Map<string, string>(Object.entries(metadata))
  for (const [key, value] of Object.entries(changes)) {
    if (value === null) changed.delete(key)
    else changed.set(key, value)
  }
  if (changed.size <= maxKeys) return { metadata: Object.fromEntries(changed) }
  const reason = `There would be ${changed.size} keys; ${maxKeys} are allowed. Remove some.`
  return reject('too_much_metadata', reason, [{ path: '/metadata', reason }])
}
