import { EMPTY, Fields, MalformedMessage, messageField, uintField } from '../../protobuf.ts'
import type { Call } from '../grpc/call.ts'
import { frameMessage, MAX_EVENTS_MESSAGE } from '../grpc/message-reader.ts'
import type { ExpectedRevision, WriteAnswer } from '../store/append.ts'
import type { EventStore } from '../store/event-store.ts'
import {
  decodeProposed,
  decodeStreamOptions,
  ProposedEvents,
  type StreamOptions,
} from './append-request.ts'
import { expired, streamDeleted, unavailable } from './errors.ts'

/** Serves Streams.Append: options, then the events, answered when the client is through. */
export function handleAppend(store: EventStore, call: Call): void {
  let options: StreamOptions | undefined
  const proposed = new ProposedEvents()
  call.receive(
    MAX_EVENTS_MESSAGE,
    (message) => {
      const fields = new Fields(message)
      while (fields.next()) {
        if (fields.number === 1) options = decodeStreamOptions(fields.bytes())
        else if (fields.number === 2) proposed.add(decodeProposed(fields.bytes()))
      }
    },
    () => {
      if (options === undefined) throw new MalformedMessage('an append without options')
      proposed.check()
      append(store, call, options, proposed).catch((error: unknown) => call.fail(error))
    },
  )
}

async function append(
  store: EventStore,
  call: Call,
  { stream, expected }: StreamOptions,
  { events }: ProposedEvents,
): Promise<void> {
  const ids = events.map(({ id }) => id)
  const records = store.encode(stream, events)
  const request = { kind: 'append', stream, expected, ids, ...records } as const
  const answer = await store.write(request, call.isExpired)
  call.send(frameMessage(toResponse(stream, expected, answer)))
  call.end()
}

function toResponse(stream: string, expected: ExpectedRevision, answer: WriteAnswer): Buffer {
  switch (answer.kind) {
    case 'written':
      return messageField(1, ...writtenFields(answer))
    case 'wrong_version':
      return messageField(2, ...wrongVersionFields(expected, answer.current))
    case 'deleted':
      throw streamDeleted(stream)
    case 'expired':
      throw expired()
    case 'unavailable':
      throw unavailable(answer.reason)
  }
}

/** The fields that AppendResp.Success and BatchAppendResp.Success have in common. */
export function writtenFields({
  revision,
  position,
}: Extract<WriteAnswer, { kind: 'written' }>): Buffer[] {
  return [
    revision < 0 ? messageField(2, EMPTY) : uintField(1, revision),
    position === undefined
      ? messageField(4, EMPTY)
      : messageField(3, uintField(1, position), uintField(2, position)),
  ]
}

/** AppendResp.WrongExpectedVersion: fields 1 to 5 are for clients of before 20.6.1. */
function wrongVersionFields(expected: ExpectedRevision, current: number): Buffer[] {
  const fields = [
    ...(current < 0
      ? [messageField(2, EMPTY), messageField(7, EMPTY)]
      : [uintField(1, current), uintField(6, current)]),
  ]
  switch (expected) {
    case 'any':
      return [...fields, messageField(4, EMPTY), messageField(9, EMPTY)]
    case 'stream_exists':
      return [...fields, messageField(5, EMPTY), messageField(10, EMPTY)]
    case 'no_stream':
      return [...fields, messageField(11, EMPTY)]
    default:
      return [...fields, uintField(3, expected), uintField(8, expected)]
  }
}
