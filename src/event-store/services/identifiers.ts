import { bytesField, Fields, MalformedMessage, messageField } from '../../protobuf.ts'
import type { StreamName } from '../log/section.ts'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const MAX_STREAM_NAME = 1024

export function decodeStreamIdentifier(message: Buffer): StreamName {
  const fields = new Fields(message)
  let name = ''
  while (fields.next()) {
    if (fields.number !== 3) continue
    const bytes = fields.bytes()
    if (bytes.length > MAX_STREAM_NAME) {
      throw new MalformedMessage(`a stream's name has at most ${MAX_STREAM_NAME} bytes`)
    }
    name = bytes.toString('latin1')
  }
  return name
}

export const streamIdentifier = (field: number, stream: StreamName): Buffer =>
  messageField(field, bytesField(3, Buffer.from(stream, 'latin1')))

/** A stream's name as people write it. */
export const displayName = (stream: StreamName) => Buffer.from(stream, 'latin1').toString('utf8')

/** A UUID, structured or as text, in its canonical form. */
export function decodeUuid(message: Buffer): string {
  const fields = new Fields(message)
  let id: string | undefined
  while (fields.next()) {
    if (fields.number === 1) id = decodeStructured(fields.bytes())
    else if (fields.number === 2) id = fields.string().toLowerCase()
  }
  if (id === undefined || !UUID.test(id)) throw new MalformedMessage('an id is not a UUID')
  return id
}

function decodeStructured(message: Buffer): string {
  const fields = new Fields(message)
  let most = 0n
  let least = 0n
  while (fields.next()) {
    if (fields.number === 1) most = fields.int64()
    else if (fields.number === 2) least = fields.int64()
  }
  const hex = [most, least]
    .map((half) => BigInt.asUintN(64, half).toString(16).padStart(16, '0'))
    .join('')
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}
