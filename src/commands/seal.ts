import type { Book } from '../domain/book.ts'
import { digestNew, hasLeaves } from '../domain/chain.ts'
import type { EventMetadata } from '../domain/events/event.ts'
import { type BookEvent, eventTypes, type Recorded } from '../domain/events/index.ts'
import { derivedId } from '../domain/ids.ts'
import { toInstant } from '../domain/instant.ts'
import { keepEncoded } from './encoded.ts'
import type { Received } from './received.ts'

/** What an event comes from: a command or, where a hold expires, time. */
export type Origin = Pick<Received, 'actor' | 'commandId' | 'correlationId' | 'key' | 'salt'> & {
  /** Of the command that it is a part of; the command itself, if left out. */
  readonly causationId?: string
}

/**
 * What one of several events of a command comes from. Its id and its salt follow from those of the
 * command, which does not give away: what shows a leaf of one event tells nothing of the others'.
 */
export const partOf = (
  { actor, commandId, correlationId, salt }: Received,
  place: number,
): Origin => ({
  actor,
  commandId: derivedId('part of a command', commandId, String(place)),
  causationId: commandId,
  correlationId,
  key: null,
  salt: derivedId('salt of a part', salt, String(place)).replaceAll('-', ''),
})

/** Gives a decided event its metadata and its place in the chain, after the book's last event. */
export const seal = (
  event: BookEvent,
  received: Origin,
  { hash: previous_hash, revision }: Pick<Book, 'hash' | 'revision'>,
  now: number,
): Recorded => {
  // In the order of the names, which makes the canonical form cheap.
  const metadata: Omit<EventMetadata, 'hash'> = {
    actor: received.actor,
    causation_id: received.causationId ?? received.commandId,
    command_id: received.commandId,
    correlation_id: received.correlationId,
    fingerprint: received.key?.fingerprint ?? null,
    idempotency_key: received.key?.value ?? null,
    leaf_salt: hasLeaves(event.type) ? received.salt : null,
    previous_hash,
    recorded_at: toInstant(now),
    route: received.key?.route ?? null,
    schema_version: eventTypes[event.type].version,
  }
  const { hash, data, signed } = digestNew(event, metadata)
  // What stands behind a spread takes twenty times as long as the same before it.
  const sealed: Recorded = {
    id: received.commandId,
    revision: revision + 1,
    metadata: { hash, ...metadata },
    ...event,
  }
  const { leaf_salt } = metadata
  keepEncoded(
    sealed,
    data,
    `${JSON.stringify({ hash, leaf_salt }).slice(0, -1)},${signed.slice(1)}`,
  )
  return sealed
}
