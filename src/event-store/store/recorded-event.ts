import { bytesField, Fields, stringField } from '../grpc/wire.ts'
import type { StreamName } from '../log/section.ts'

/**
 * Events are stored as the bytes of the protocol's RecordedEvent, without revision and position,
 * which a read appends: fields may come in any order. Ours is fixed, so that the id, the type and
 * the time can be found without parsing the rest:
 *
 *   id (always 40 bytes), stream identifier, metadata: type, content-type, created, then the
 *   custom metadata and the data
 */
const ID_FIELD = 1
const STREAM_FIELD = 2
const METADATA_FIELD = 6
const CUSTOM_METADATA_FIELD = 7
const DATA_FIELD = 8
const ID_AT = 4
const ID_LENGTH = 36
const AFTER_ID = 40
const TICKS_PER_MILLISECOND = 10_000n

export type NewEvent = {
  /** A UUID in its canonical, lower case form. */
  id: string
  type: string
  contentType: string
  data: Buffer
  metadata: Buffer
}

export function encodeEvent(stream: StreamName, event: NewEvent, now: number): Buffer {
  const created = String(BigInt(now) * TICKS_PER_MILLISECOND)
  return Buffer.concat([
    bytesField(ID_FIELD, stringField(2, event.id)),
    bytesField(STREAM_FIELD, bytesField(3, Buffer.from(stream, 'latin1'))),
    mapEntry('type', event.type),
    mapEntry('content-type', event.contentType),
    mapEntry('created', created),
    ...(event.metadata.length > 0 ? [bytesField(CUSTOM_METADATA_FIELD, event.metadata)] : []),
    ...(event.data.length > 0 ? [bytesField(DATA_FIELD, event.data)] : []),
  ])
}

const mapEntry = (key: string, value: string) =>
  bytesField(METADATA_FIELD, Buffer.concat([stringField(1, key), stringField(2, value)]))

export const idOf = (event: Buffer) => event.toString('latin1', ID_AT, ID_AT + ID_LENGTH)

/** The bytes of an event behind its id. */
export const withoutId = (event: Buffer) => event.subarray(AFTER_ID)

/** One of `type`, `content-type` and `created`. */
export function metadataOf(event: Buffer, key: string): string {
  const fields = new Fields(event, AFTER_ID)
  while (fields.next()) {
    if (fields.number !== METADATA_FIELD) continue
    const entry = new Fields(fields.bytes())
    let name = ''
    while (entry.next()) {
      if (entry.number === 1) name = entry.string()
      else if (entry.number === 2 && name === key) return entry.string()
    }
  }
  return ''
}

export const typeOf = (event: Buffer) => metadataOf(event, 'type')

/** When the event was written, in milliseconds since the epoch. */
export const createdOf = (event: Buffer) => Number(metadataOf(event, 'created')) / 10_000

export function dataOf(event: Buffer): Buffer {
  const fields = new Fields(event, AFTER_ID)
  while (fields.next()) if (fields.number === DATA_FIELD) return fields.bytes()
  return Buffer.alloc(0)
}
