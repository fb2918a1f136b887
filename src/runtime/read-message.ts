import type { StoredEvent } from '../domain/upcast.ts'
import { Fields, messageField, stringField, uintField } from '../protobuf.ts'

/** An event with its place in the whole log. */
export type LoggedEvent = StoredEvent & { readonly stream: string; readonly position: bigint }

export type ReadFrom = 'start' | 'end' | number | bigint
export type ReadWhat = {
  /** Its name, or null for the whole log. */
  readonly stream: string | null
  /** A revision of the stream, or a position of the log. */
  readonly from: ReadFrom
  readonly limit: number
  readonly isBackwards?: boolean
}

/** A `ReadReq` in Protocol Buffers; ids of events are asked for as text. */
export const readRequest = ({ stream, from, limit, isBackwards = false }: ReadWhat): Buffer =>
  messageField(
    1,
    stream === null ? messageField(2, placeIn(from)) : messageField(1, nameOf(stream), start(from)),
    uintField(3, isBackwards ? 1 : 0),
    uintField(5, limit),
    messageField(8),
    messageField(9, messageField(2)),
  )

const nameOf = (stream: string): Buffer => messageField(1, stringField(3, stream))

const start = (from: ReadFrom): Buffer =>
  typeof from === 'string' ? messageField(from === 'start' ? 3 : 4) : uintField(2, Number(from))

const placeIn = (from: ReadFrom): Buffer => {
  if (typeof from === 'string') return messageField(from === 'start' ? 2 : 3)
  const position = Number(from)
  return messageField(1, uintField(1, position), uintField(2, position))
}

/**
 * What a `ReadResp` says: an event, that there is no such stream, or nothing that is asked for here.
 * The library makes two objects of an event on the way to what is read here at once.
 */
export type ReadMessage = LoggedEvent | 'missing' | 'other'

export const decodeRead = (message: Buffer): ReadMessage => {
  const fields = new Fields(message)
  while (fields.next()) {
    if (fields.number === 1) return decodeEvent(fields.bytes())
    if (fields.number === 4) return 'missing'
  }
  return 'other'
}

const decodeEvent = (message: Buffer): ReadMessage => {
  const fields = new Fields(message)
  while (fields.next()) if (fields.number === 1) return decodeRecorded(fields.bytes())
  return 'other'
}

const decodeRecorded = (message: Buffer): LoggedEvent => {
  const fields = new Fields(message)
  let id = ''
  let stream = ''
  let revision = 0
  let position = 0n
  let type = ''
  let metadata: unknown
  let data: unknown
  while (fields.next()) {
    if (fields.number === 1) id = textIn(fields.bytes(), 2)
    else if (fields.number === 2) stream = textIn(fields.bytes(), 3)
    else if (fields.number === 3) revision = fields.uint()
    else if (fields.number === 5) position = BigInt(fields.uint())
    else if (fields.number === 6) type = typeIn(fields.bytes()) ?? type
    else if (fields.number === 7) metadata = parsed(fields.bytes())
    else if (fields.number === 8) data = parsed(fields.bytes())
  }
  return { id, type, revision, data, metadata, stream, position }
}

const textIn = (message: Buffer, field: number): string => {
  const fields = new Fields(message)
  while (fields.next()) if (fields.number === field) return fields.string()
  return ''
}

/** Entries of the system's own metadata are pairs; one is the type. */
const typeIn = (entry: Buffer): string | undefined => {
  const fields = new Fields(entry)
  let isType = false
  while (fields.next()) {
    if (fields.number === 1) isType = fields.string() === 'type'
    else if (fields.number === 2 && isType) return fields.string()
  }
  return undefined
}

/** Of what is no JSON the text, which no reader of events takes for one. */
const parsed = (bytes: Buffer): unknown => {
  const text = bytes.toString('utf8')
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
