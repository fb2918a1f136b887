import type { Book } from '../domain/book.ts'
import { digestNew, hasLeaves } from '../domain/chain.ts'
import type { EventMetadata } from '../domain/events/event.ts'
import { type BookEvent, eventTypes, type Recorded } from '../domain/events/index.ts'
import { toInstant } from '../domain/instant.ts'
import { keepEncoded } from './encoded.ts'
import type { Received } from './received.ts'

/** What an event comes from: a command or, where a hold expires, time. */
export type Origin = Pick<Received, 'actor' | 'commandId' | 'correlationId' | 'key' | 'salt'>

/** Gives a decided event its metadata and its place in the chain, after the book's last event. */
export const seal = (event: BookEvent, received: Origin, book: Book, now: number): Recorded => {
  // In the order of the names, which makes the canonical form cheap.
  const metadata: Omit<EventMetadata, 'hash'> = {
    actor: received.actor,
    causation_id: received.commandId,
    command_id: received.commandId,
    correlation_id: received.correlationId,
    fingerprint: received.key?.fingerprint ?? null,
    idempotency_key: received.key?.value ?? null,
    leaf_salt: hasLeaves(event.type) ? received.salt : null,
    previous_hash: book.hash,
    recorded_at: toInstant(now),
    route: received.key?.route ?? null,
    schema_version: eventTypes[event.type].version,
  }
  const { hash, data } = digestNew(event, metadata)
  const sealed: Recorded = {
    ...event,
    id: received.commandId,
    revision: book.revision + 1,
    metadata: { ...metadata, hash },
  }
  keepEncoded(sealed, data)
  return sealed
}
