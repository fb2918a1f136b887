import { CallError, Status } from '../grpc/status.ts'
import type { StreamName } from '../log/section.ts'
import type { ExpectedRevision } from '../store/append.ts'
import { displayName } from './identifiers.ts'

/** The greatest append: data, metadata and twice the types' lengths. */
export const MAX_APPEND_BYTES = 1024 * 1024

const EXPECTED = { any: -2, no_stream: -1, stream_exists: -4 }

const trailer = (stream: StreamName) => encodeURI(displayName(stream))

export const streamDeleted = (stream: StreamName) =>
  new CallError(Status.FAILED_PRECONDITION, `Event stream '${displayName(stream)}' is deleted.`, {
    exception: 'stream-deleted',
    'stream-name': trailer(stream),
  })

export const wrongExpectedVersion = (
  stream: StreamName,
  expected: ExpectedRevision,
  current: number,
) =>
  new CallError(
    Status.FAILED_PRECONDITION,
    `Append failed due to WrongExpectedVersion. Stream: ${displayName(stream)}, ` +
      `Expected version: ${expected}, Actual version: ${current}`,
    {
      exception: 'wrong-expected-version',
      'stream-name': trailer(stream),
      'expected-version': String(typeof expected === 'number' ? expected : EXPECTED[expected]),
      ...(current >= 0 ? { 'actual-version': String(current) } : {}),
    },
  )

export const appendTooLarge = () =>
  new CallError(Status.INVALID_ARGUMENT, `Maximum Append Size of ${MAX_APPEND_BYTES} Exceeded.`, {
    exception: 'maximum-append-size-exceeded',
    'maximum-append-size': String(MAX_APPEND_BYTES),
  })

export const missingMetadata = (property: string) =>
  new CallError(Status.INVALID_ARGUMENT, `Required Metadata Property '${property}' is missing.`, {
    exception: 'missing-required-metadata-property',
    'required-metadata-properties': 'type,content-type',
  })

export const expired = () =>
  new CallError(Status.DEADLINE_EXCEEDED, 'the deadline passed before the write was decided')

export const unavailable = (reason: string) => new CallError(Status.UNAVAILABLE, reason)
