import { connect, constants, type IncomingHttpHeaders } from 'node:http2'
import { frameMessage, MessageReader } from '../../../src/event-store/grpc/message-reader.ts'
import { EMPTY, Fields, messageField, stringField, uintField } from '../../../src/protobuf.ts'

export type RawAnswer = {
  messages: Buffer[]
  headers: IncomingHttpHeaders
  trailers: IncomingHttpHeaders
  /** The HTTP/2 error code that the stream ended with. */
  resetCode: number
}

export const streams = (method: string) => `/event_store.client.streams.Streams/${method}`

const authority = (url: string) => `http://${new URL(url.replace(/^esdb/, 'http')).host}`

/** Calls a method with bytes of any kind, as no client would, and gathers what comes back. */
export function rawCall(
  url: string,
  path: string,
  body: Buffer,
  headers: Record<string, string> = {},
): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const session = connect(authority(url))
    session.on('error', reject)
    const stream = session.request({
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
      ...headers,
    })
    const reader = new MessageReader(constants.MAX_MAX_FRAME_SIZE)
    const answer: RawAnswer = { messages: [], headers: {}, trailers: {}, resetCode: 0 }
    stream.on('response', (responded) => {
      answer.headers = responded
      if (responded['grpc-status'] !== undefined) answer.trailers = responded
    })
    stream.on('data', (chunk: Buffer) => answer.messages.push(...reader.push(chunk)))
    stream.on('trailers', (trailers) => {
      answer.trailers = trailers
    })
    stream.on('error', () => undefined)
    stream.on('close', () => {
      answer.resetCode = stream.rstCode
      session.destroy()
      resolve(answer)
    })
    stream.end(body)
  })
}

export const framed = (...messages: Buffer[]) => Buffer.concat(messages.map(frameMessage))

export const streamId = (name: string) => messageField(1, stringField(3, name))

export const uuid = (field: number, id: string) => messageField(field, stringField(2, id))

const mapEntry = (key: string, value: string) =>
  messageField(2, stringField(1, key), stringField(2, value))

/** A ProposedMessage as a field. */
export const proposed = (field: number, id: Buffer, ...rest: Buffer[]) =>
  messageField(field, id, ...rest)

export const withType = (type: string) => [
  mapEntry('type', type),
  mapEntry('content-type', 'application/json'),
]

export const typed = withType('Raw')

/** A ReadReq of a stream from its start, with whatever other options. */
export const readRequest = (stream: string, ...options: Buffer[]) =>
  framed(
    messageField(
      1,
      messageField(1, streamId(stream), messageField(3, EMPTY)),
      messageField(8, EMPTY),
      ...options,
    ),
  )

export const count = (events: number) => uintField(5, events)
export const idsAsStrings = messageField(9, messageField(2, EMPTY))
export const idsAsStructures = messageField(9, messageField(1, EMPTY))

/** The fields of a message: numbers, or bytes of what is nested. */
export function fieldsOf(message: Buffer): Map<number, (Buffer | number)[]> {
  const fields = new Fields(message)
  const all = new Map<number, (Buffer | number)[]>()
  while (fields.next()) {
    const value = fields.isBytes ? fields.bytes() : fields.uint()
    all.set(fields.number, [...(all.get(fields.number) ?? []), value])
  }
  return all
}

/** What is nested in a message along the given field numbers. */
export function dig(message: Buffer, ...path: number[]): Buffer | number | undefined {
  let at: Buffer | number | undefined = message
  for (const field of path) {
    if (!Buffer.isBuffer(at)) return undefined
    at = fieldsOf(at).get(field)?.[0]
  }
  return at
}
