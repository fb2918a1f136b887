/** What every event carries beside its data. Hashes are lower-case hex of SHA-256. */
export type EventMetadata = {
  readonly schema_version: number
  readonly command_id: string
  readonly actor: string
  readonly correlation_id: string
  readonly causation_id: string
  /** When Daybook learned it; never runs backwards within a book. */
  readonly recorded_at: string
  readonly idempotency_key: string | null
  /** What the key is unique in, beside the actor: method and route. */
  readonly route: string | null
  /** HMAC of the canonical request, so that a key used with another request is noticed. */
  readonly fingerprint: string | null
  readonly previous_hash: string
  readonly hash: string
  /** Salt of the Merkle leaves; null where the event has none. Not part of the hash itself. */
  readonly leaf_salt: string | null
}

export type Event<Type extends string, Data> = { readonly type: Type; readonly data: Data }

/** How one type of event is stored, now and formerly. */
export type EventType<Data> = {
  readonly version: number
  /** From each older version to the next one. */
  readonly upcasts: { readonly [version: number]: (data: never) => unknown }
  /** Parts of the data that enter the hash as salted leaves of a Merkle tree. */
  readonly leaves?: readonly (keyof Data & string)[]
  /** Those of older versions that had others: an event is hashed as it is stored. */
  readonly formerLeaves?: { readonly [version: number]: readonly string[] }
  /**
   * A leaf's canonical JSON, for one that the domain has just made and nobody else has touched; null
   * where that takes more than putting its parts together.
   */
  readonly spell?: { readonly [Name in keyof Data & string]?: (leaf: never) => string | null }
}
