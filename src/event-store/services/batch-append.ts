import {
  bytesField,
  EMPTY,
  Fields,
  MalformedMessage,
  messageField,
  stringField,
  uintField,
} from '../../protobuf.ts'
import type { Call } from '../grpc/call.ts'
import { frameMessage, MAX_EVENTS_MESSAGE } from '../grpc/message-reader.ts'
import { CallError, Status } from '../grpc/status.ts'
import type { ExpectedRevision, WriteAnswer } from '../store/append.ts'
import type { EventStore } from '../store/event-store.ts'
import { writtenFields } from './append.ts'
import {
  decodeProposed,
  decodeStreamOptions,
  ProposedEvents,
  type StreamOptions,
} from './append-request.ts'
import { MAX_APPEND_BYTES } from './errors.ts'
import { decodeUuid, streamIdentifier } from './identifiers.ts'

const MAX_BUFFERED = 64 * 1024 * 1024
const PAUSE_ABOVE = 16 * 1024 * 1024

type Batch = {
  correlationId: Buffer
  options: StreamOptions | undefined
  proposed: ProposedEvents
  failure: unknown
}

/** Serves Streams.BatchAppend: many appends over one call, each answered once, by its id. */
export function handleBatchAppend(store: EventStore, call: Call): void {
  const open = new Map<string, Batch>()
  let buffered = 0
  let inFlight = 0
  let hasEnded = false
  const endIfDone = () => {
    if (hasEnded && inFlight === 0) call.end()
  }
  const finish = (batch: Batch) => {
    const bytes = batch.proposed.bytes
    inFlight++
    answer(store, batch)
      .then((response) => call.send(frameMessage(response)))
      .catch((error: unknown) => call.fail(error))
      .finally(() => {
        inFlight--
        buffered -= bytes
        if (buffered <= PAUSE_ABOVE) call.resume()
        endIfDone()
      })
  }
  call.receive(
    MAX_EVENTS_MESSAGE,
    (message) => {
      const { id, batch, isFinal, added } = receivePart(open, message)
      buffered += added
      if (buffered > MAX_BUFFERED) {
        throw new CallError(Status.RESOURCE_EXHAUSTED, 'too many unfinished batches on one call')
      }
      if (buffered > PAUSE_ABOVE && inFlight > 0) call.pause()
      if (!isFinal) return
      open.delete(id)
      finish(batch)
    },
    () => {
      hasEnded = true
      endIfDone()
    },
  )
}

/** Takes in one message: a part of the batch with its correlation id. */
function receivePart(open: Map<string, Batch>, message: Buffer) {
  const fields = new Fields(message)
  let correlationId: Buffer | undefined
  let options: Buffer | undefined
  let isFinal = false
  const proposed: Buffer[] = []
  while (fields.next()) {
    if (fields.number === 1) correlationId = fields.bytes()
    else if (fields.number === 2) options = fields.bytes()
    else if (fields.number === 3) proposed.push(fields.bytes())
    else if (fields.number === 4) isFinal = fields.bool()
  }
  if (correlationId === undefined) throw new MalformedMessage('a batch without a correlation id')
  const id = decodeUuid(correlationId)
  const batch: Batch = open.get(id) ?? {
    correlationId,
    options: undefined,
    proposed: new ProposedEvents(),
    failure: undefined,
  }
  open.set(id, batch)
  const before = batch.proposed.bytes
  try {
    if (options !== undefined) batch.options = decodeStreamOptions(options)
    for (const event of proposed) batch.proposed.add(decodeProposed(event))
  } catch (error) {
    batch.failure ??= error
  }
  return { id, batch, isFinal, added: batch.proposed.bytes - before }
}

async function answer(store: EventStore, batch: Batch): Promise<Buffer> {
  const { options, proposed } = batch
  if (options === undefined || batch.failure !== undefined) {
    const why = batch.failure instanceof Error ? batch.failure.message : 'a batch without options'
    return respond(batch, errorField(2, why, 'Unknown', EMPTY))
  }
  const { stream, expected, deadline } = options
  if (proposed.isTooLarge) {
    const details = uintField(1, MAX_APPEND_BYTES)
    return respond(batch, errorField(3, 'append too large', 'MaximumAppendSizeExceeded', details))
  }
  const answer = await store.write(
    {
      kind: 'append',
      stream,
      expected,
      ids: proposed.events.map(({ id }) => id),
      ...store.encode(stream, proposed.events),
    },
    () => Date.now() > deadline,
  )
  return respond(batch, resultField(stream, expected, answer))
}

/** The client cannot do without the stream, so it is named even where none was given. */
const respond = ({ correlationId, options }: Batch, result: Buffer): Buffer =>
  Buffer.concat([bytesField(1, correlationId), result, streamIdentifier(4, options?.stream ?? '')])

function resultField(stream: string, expected: ExpectedRevision, answer: WriteAnswer): Buffer {
  switch (answer.kind) {
    case 'written':
      return messageField(3, ...writtenFields(answer))
    case 'wrong_version': {
      const details = wrongVersionDetails(expected, answer.current)
      return errorField(6, 'wrong expected version', 'WrongExpectedVersion', details)
    }
    case 'deleted':
      return errorField(5, 'stream deleted', 'StreamDeleted', streamIdentifier(1, stream))
    case 'expired':
      return errorField(4, 'the deadline has passed', 'Timeout', EMPTY)
    case 'unavailable':
      return errorField(2, answer.reason, 'Unknown', EMPTY)
  }
}

/** event_store.client.WrongExpectedVersion. */
function wrongVersionDetails(expected: ExpectedRevision, current: number): Buffer {
  const actual = current < 0 ? messageField(2, EMPTY) : uintField(1, current)
  const fields = { any: 4, stream_exists: 5, no_stream: 6 }
  return Buffer.concat([
    actual,
    typeof expected === 'number' ? uintField(3, expected) : messageField(fields[expected], EMPTY),
  ])
}

/** A google.rpc.Status that carries one Any, by which the client tells the errors apart. */
function errorField(code: number, message: string, type: string, details: Buffer): Buffer {
  const any = [
    stringField(1, `type.googleapis.com/event_store.client.${type}`),
    bytesField(2, details),
  ]
  return messageField(2, uintField(1, code), stringField(2, message), messageField(3, ...any))
}
