import type { Recorded } from '../domain/events/index.ts'

/** An event as it is stored: JSON in UTF-8. */
export type Encoded = { readonly data: Buffer; readonly metadata: Buffer }

/** An event is hashed, measured and appended as one and the same text. */
const encodings = new WeakMap<Recorded, Encoded>()

/** Keeps what an event's data and metadata are as JSON, so that it need not be made again. */
export const keepEncoded = (event: Recorded, data: string, metadata: string): Encoded => {
  const encoded = { data: Buffer.from(data), metadata: Buffer.from(metadata) }
  encodings.set(event, encoded)
  return encoded
}

export const encode = (event: Recorded): Encoded =>
  encodings.get(event) ??
  keepEncoded(event, JSON.stringify(event.data), JSON.stringify(event.metadata))

/** What EventStoreDB counts against its limit for an append. */
export const encodedBytes = (event: Recorded): number => {
  const { data, metadata } = encode(event)
  return data.length + metadata.length + 2 * event.type.length
}
