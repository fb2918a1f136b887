import Type, { type Static } from 'typebox'

/** Whatever the client wants to keep with a thing: up to 50 keys of text. */
export const Metadata = Type.Record(
  Type.String({ pattern: '^[A-Za-z0-9_.:-]{1,64}$' }),
  Type.String({ maxLength: 1000 }),
  { maxProperties: 50, additionalProperties: false, description: 'Up to 50 keys of text' },
)
export type Metadata = Static<typeof Metadata>
