import { Fields, MalformedMessage } from '../../protobuf.ts'
import type { StreamName } from '../log/section.ts'
import type { ExpectedRevision } from '../store/append.ts'
import type { NewEvent } from '../store/recorded-event.ts'
import { appendTooLarge, MAX_APPEND_BYTES, missingMetadata } from './errors.ts'
import { decodeStreamIdentifier, decodeUuid } from './identifiers.ts'

/** With names and types bounded too, no append can outgrow what the log takes as one frame. */
const MAX_APPEND_EVENTS = 32_768
const MAX_CONTENT_TYPE = 128

export type StreamOptions = {
  stream: StreamName
  expected: ExpectedRevision
  /** When a batch append gives up, in milliseconds since the epoch. */
  deadline: number
}

/** Options of Append, BatchAppend, Delete and Tombstone: they share their field numbers. */
export function decodeStreamOptions(message: Buffer): StreamOptions {
  const fields = new Fields(message)
  let stream = ''
  let expected: ExpectedRevision | undefined
  let deadline = Number.POSITIVE_INFINITY
  while (fields.next()) {
    if (fields.number === 1) stream = decodeStreamIdentifier(fields.bytes())
    else if (fields.number === 2) expected = fields.uint()
    else if (fields.number === 3) expected = 'no_stream'
    else if (fields.number === 4) expected = 'any'
    else if (fields.number === 5) expected = 'stream_exists'
    else if (fields.number === 6) deadline = decodeTimestamp(fields.bytes())
  }
  if (stream === '') throw new MalformedMessage('a stream needs a name')
  if (expected === undefined) throw new MalformedMessage('no expected revision')
  return { stream, expected, deadline }
}

function decodeTimestamp(message: Buffer): number {
  const fields = new Fields(message)
  let seconds = 0
  let nanos = 0
  while (fields.next()) {
    if (fields.number === 1) seconds = Number(fields.int64())
    else if (fields.number === 2) nanos = fields.uint()
  }
  return seconds * 1000 + nanos / 1_000_000
}

/** A ProposedMessage of Append or BatchAppend. */
export function decodeProposed(message: Buffer): NewEvent {
  const fields = new Fields(message)
  let id: string | undefined
  let type: string | undefined
  let contentType: string | undefined
  let data: Buffer = Buffer.alloc(0)
  let metadata: Buffer = Buffer.alloc(0)
  while (fields.next()) {
    if (fields.number === 1) id = decodeUuid(fields.bytes())
    else if (fields.number === 2) {
      const [key, value] = decodeMapEntry(fields.bytes())
      if (key === 'type') type = value
      else if (key === 'content-type') contentType = value
    } else if (fields.number === 3) metadata = fields.bytes()
    else if (fields.number === 4) data = fields.bytes()
  }
  if (id === undefined) throw new MalformedMessage('an event without an id')
  if (type === undefined) throw missingMetadata('type')
  if (contentType === undefined) throw missingMetadata('content-type')
  if (contentType.length > MAX_CONTENT_TYPE)
    throw new MalformedMessage('the content type is too long')
  return { id, type, contentType, data, metadata }
}

function decodeMapEntry(message: Buffer): [string, string] {
  const fields = new Fields(message)
  let key = ''
  let value = ''
  while (fields.next()) {
    if (fields.number === 1) key = fields.string()
    else if (fields.number === 2) value = fields.string()
  }
  return [key, value]
}

/** Events as they arrive, up to the greatest append: of a larger one only that fact is kept. */
export class ProposedEvents {
  events: NewEvent[] = []
  private size = 0
  private count = 0

  get isTooLarge(): boolean {
    return this.size > MAX_APPEND_BYTES || this.count > MAX_APPEND_EVENTS
  }

  get bytes(): number {
    return this.isTooLarge ? 0 : this.size
  }

  add(event: NewEvent): void {
    this.count++
    this.size += event.data.length + event.metadata.length + 2 * Buffer.byteLength(event.type)
    if (this.isTooLarge) this.events = []
    else this.events.push(event)
  }

  check(): void {
    if (this.isTooLarge) throw appendTooLarge()
  }
}
