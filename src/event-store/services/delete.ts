import { Fields, MalformedMessage, messageField, uintField } from '../../protobuf.ts'
import type { Call } from '../grpc/call.ts'
import type { EventStore } from '../store/event-store.ts'
import { decodeStreamOptions } from './append-request.ts'
import { expired, streamDeleted, unavailable, wrongExpectedVersion } from './errors.ts'

/** Serves Streams.Delete and Streams.Tombstone, whose messages are alike. */
export async function handleRemoval(
  store: EventStore,
  kind: 'delete' | 'tombstone',
  message: Buffer,
  call: Call,
): Promise<Buffer> {
  const fields = new Fields(message)
  let options: Buffer | undefined
  while (fields.next()) if (fields.number === 1) options = fields.bytes()
  if (options === undefined) throw new MalformedMessage(`a ${kind} without options`)
  const { stream, expected } = decodeStreamOptions(options)
  const answer = await store.write({ kind, stream, expected }, call.isExpired)
  switch (answer.kind) {
    case 'written': {
      const position = answer.position ?? 0
      return messageField(1, uintField(1, position), uintField(2, position))
    }
    case 'wrong_version':
      throw wrongExpectedVersion(stream, expected, answer.current)
    case 'deleted':
      throw streamDeleted(stream)
    case 'expired':
      throw expired()
    case 'unavailable':
      throw unavailable(answer.reason)
  }
}
