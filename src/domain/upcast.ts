import type { EventMetadata, EventType } from './events/event.ts'
import { eventTypes, type Recorded } from './events/index.ts'

export type StoredEvent = {
  readonly id: string
  readonly type: string
  readonly revision: number
  readonly data: unknown
  readonly metadata: unknown
}

/**
 * The event in today's form. An unknown type or a newer version throws: an event that this
 * release cannot understand must halt its reader, never disappear.
 */
export const upcast = (
  stored: StoredEvent,
  types: Readonly<Record<string, EventType<never>>> = eventTypes,
): Recorded => {
  const type = Object.hasOwn(types, stored.type) ? types[stored.type] : undefined
  if (!type) throw new Error(`${placeOf(stored)} is of a type that this release does not know`)
  const metadata = stored.metadata as EventMetadata
  if (!(metadata.schema_version <= type.version)) {
    throw new Error(
      `${placeOf(stored)} has version ${metadata.schema_version}; this release knows up to ${type.version}`,
    )
  }
  let data: unknown = stored.data
  for (let version = metadata.schema_version; version < type.version; version++) {
    const step = type.upcasts[version]
    if (!step) throw new Error(`${placeOf(stored)}: no upcast from version ${version}`)
    data = step(data as never)
  }
  return { type: stored.type, data, id: stored.id, revision: stored.revision, metadata } as Recorded
}

const placeOf = ({ id, type, revision }: StoredEvent): string =>
  `event ${id} (${type}, revision ${revision})`
