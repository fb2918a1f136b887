import { Fields, MalformedMessage } from '../../protobuf.ts'
import { CallError, Status } from '../grpc/status.ts'
import type { StreamName } from '../log/section.ts'
import type { Direction } from '../store/event-store.ts'
import type { IdForm } from './event-encoder.ts'
import { decodeFilter, type Filter } from './filter.ts'
import { decodeStreamIdentifier } from './identifiers.ts'

export type From = number | 'start' | 'end'

export type ReadRequest = {
  source: { stream: StreamName; from: From } | { stream: undefined; from: From }
  direction: Direction
  resolveLinks: boolean
  /** How many events at most; undefined for a subscription. */
  count: number | undefined
  filter: Filter | undefined
  idForm: IdForm
}

/** Decodes a ReadReq. */
export function decodeReadRequest(message: Buffer): ReadRequest {
  const outer = new Fields(message)
  let options: Fields | undefined
  while (outer.next()) if (outer.number === 1) options = new Fields(outer.bytes())
  if (options === undefined) throw new MalformedMessage('a read without options')

  let source: ReadRequest['source'] | undefined
  let direction: Direction = 'forwards'
  let resolveLinks = false
  let count: number | undefined
  let isSubscription = false
  let filter: Filter | undefined
  let idForm: IdForm | undefined
  while (options.next()) {
    if (options.number === 1) source = decodeStreamOptions(options.bytes())
    else if (options.number === 2) source = { stream: undefined, from: decodeAll(options.bytes()) }
    else if (options.number === 3) direction = options.uint() === 1 ? 'backwards' : 'forwards'
    else if (options.number === 4) resolveLinks = options.bool()
    else if (options.number === 5) count = options.uint()
    else if (options.number === 6) isSubscription = true
    else if (options.number === 7) filter = decodeFilter(options.bytes())
    else if (options.number === 9) idForm = decodeIdForm(options.bytes())
  }
  if (source === undefined) throw new MalformedMessage('a read of no stream')
  if (idForm === undefined) throw invalid('a read needs a uuid_option')
  if (!isSubscription && count === undefined) throw invalid('a read needs a count')
  if (isSubscription && direction === 'backwards') throw invalid('subscriptions go forwards')
  if (filter !== undefined && source.stream !== undefined) throw invalid('filters are for $all')
  return {
    source,
    direction,
    resolveLinks,
    count: isSubscription ? undefined : count,
    filter,
    idForm,
  }
}

const invalid = (message: string) => new CallError(Status.INVALID_ARGUMENT, message)

function decodeStreamOptions(message: Buffer): { stream: StreamName; from: From } {
  const fields = new Fields(message)
  let stream: StreamName = ''
  let from: From = 'start'
  while (fields.next()) {
    if (fields.number === 1) stream = decodeStreamIdentifier(fields.bytes())
    else if (fields.number === 2) from = fields.uint()
    else if (fields.number === 3) from = 'start'
    else if (fields.number === 4) from = 'end'
  }
  if (stream === '') throw invalid('a stream needs a name')
  return { stream, from }
}

function decodeAll(message: Buffer): From {
  const fields = new Fields(message)
  let from: From = 'start'
  while (fields.next()) {
    if (fields.number === 1) from = decodePosition(fields.bytes())
    else if (fields.number === 2) from = 'start'
    else if (fields.number === 3) from = 'end'
  }
  return from
}

function decodePosition(message: Buffer): number {
  const fields = new Fields(message)
  let commit = 0
  while (fields.next()) if (fields.number === 1) commit = fields.uint()
  return commit
}

function decodeIdForm(message: Buffer): IdForm | undefined {
  const fields = new Fields(message)
  let form: IdForm | undefined
  while (fields.next()) {
    if (fields.number === 1) form = 'structured'
    else if (fields.number === 2) form = 'string'
  }
  return form
}
