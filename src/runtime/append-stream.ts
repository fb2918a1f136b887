import type { EventStoreDBClient } from '@eventstore/db-client'
import type shared from '@eventstore/db-client/generated/shared_pb.js'
import grpc from '@eventstore/db-client/generated/streams_grpc_pb.js'
import streams from '@eventstore/db-client/generated/streams_pb.js'
import { v4 } from 'uuid'
import type { Appended, AppendRefusal } from '../commands/book-log.ts'
import { appendRequest, type Proposed } from './append-request.ts'
import { outsideOfHttp2 } from './outside-of-http2.ts'

export type AppendStream = {
  /**
   * Rejects when no answer came, in time or ever: then it may have been stored, or may yet be. A call
   * ends with the store that it goes to, and what answers the next one may have another log: so the
   * first append to a stream over each call asks whether it follows what stands there.
   */
  readonly append: (
    stream: string,
    expected: number,
    events: readonly Proposed[],
    follows: () => Promise<boolean>,
  ) => Promise<Appended>
}

type Response = InstanceType<typeof streams.BatchAppendResp>
type Service = InstanceType<typeof grpc.StreamsClient>
type CallArguments = ReturnType<EventStoreDBClient['callArguments']>

/** Like the service's own `batchAppend`, for requests that are bytes already. */
const start = (service: Service, args: CallArguments) =>
  service.makeBidiStreamRequest(
    '/event_store.client.streams.Streams/BatchAppend',
    (request: Buffer) => request,
    streams.BatchAppendResp.deserializeBinary,
    ...args,
  )

type Call = ReturnType<typeof start>
/** Ends the wait for one answer. */
type Waiting = (answer: Response | 'denied' | Error) => void
type Opened = {
  readonly call: Call
  readonly waiting: Map<string, Waiting>
  /** Streams that were looked at since it began. */
  readonly known: Set<string>
  isOver: boolean
}
const mostKnown = 100_000
/** Of gRPC: who asks is not known, or may not. */
const deniedCodes: readonly unknown[] = [7, 16]

/**
 * BatchAppend: all appends of a process over one call, at a third of what Append costs. The
 * library's own use of it never settles when the server is mute, mixes up the answers of different
 * calls, and can end the process; so the call is its, and what goes over it is ours.
 */
export const openAppendStream = (client: EventStoreDBClient, deadline: number): AppendStream => {
  let opened: Promise<Opened> | null = null

  const open = async (): Promise<Opened> => {
    const call = await client['GRPCStreamCreator'](grpc.StreamsClient, 'batchAppend', (service) =>
      start(service, client['callArguments']({}, { deadline: Number.POSITIVE_INFINITY })),
    )()
    const waiting = new Map<string, Waiting>()
    const own: Opened = { call, waiting, known: new Set(), isOver: false }
    let wasAnswered = false
    const end = (error: Error = ended()) => {
      if (own.isOver) return
      own.isOver = true
      opened = null
      // A call that was turned away at the door has let nothing in. Later, that is not so sure.
      const isDenied = !wasAnswered && deniedCodes.includes((error as { code?: unknown }).code)
      for (const settle of waiting.values()) settle(isDenied ? 'denied' : error)
      waiting.clear()
    }
    call.on('data', (response: Response) => {
      wasAnswered = true
      const id = toText(response.getCorrelationId())
      waiting.get(id)?.(response)
      waiting.delete(id)
    })
    call.on('error', end)
    call.on('end', () => end())
    return own
  }

  /** Whether the stream stands where the append has it, as far as that is not the store's to say. */
  const stands = async (
    own: Opened,
    stream: string,
    expected: number,
    follows: () => Promise<boolean>,
  ): Promise<boolean> => {
    if (own.known.has(stream)) return true
    if (expected >= 0 && !(await follows())) return false
    if (own.isOver) throw ended()
    if (own.known.size >= mostKnown) own.known.clear()
    own.known.add(stream)
    return true
  }

  const append: AppendStream['append'] = async (stream, expected, events, follows) => {
    const id = v4()
    const request = appendRequest(id, stream, expected, events)
    opened ??= open()
    opened.catch(() => {
      opened = null
    })
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`no answer within ${deadline} ms`)), deadline)
    })
    try {
      const own = await Promise.race([opened, late])
      const { call, waiting } = own
      const isFollowed = stands(own, stream, expected, follows)
      if (!(await Promise.race([isFollowed, late]))) return { kind: 'wrong_revision' }
      const answer = new Promise<Parameters<Waiting>[0]>((resolve) => waiting.set(id, resolve))
      call.write(request)
      // A call that is mute is given up, and with it the connection.
      const response = await Promise.race([answer, late]).catch((error: unknown) => {
        waiting.delete(id)
        void outsideOfHttp2().then(() => call.cancel())
        throw error
      })
      if (response instanceof Error) throw response
      return response === 'denied' ? { kind: 'refused', why: 'denied' } : resultOf(response)
    } finally {
      clearTimeout(timer)
    }
  }

  return { append }
}

const ended = () => new Error('the event store has ended the call')

const refusals: Readonly<Record<string, AppendRefusal>> = {
  'event_store.client.MaximumAppendSizeExceeded': 'too_large',
  'event_store.client.StreamDeleted': 'deleted',
  'event_store.client.AccessDenied': 'denied',
}

const resultOf = (response: Response): Appended => {
  if (response.hasSuccess()) return { kind: 'appended' }
  const error = response.getError()
  const type = error?.getDetails()?.getTypeName() ?? 'an answer without a reason'
  if (type === 'event_store.client.WrongExpectedVersion') return { kind: 'wrong_revision' }
  const why = refusals[type]
  if (why) return { kind: 'refused', why }
  throw new Error(`the event store refused the append: ${type} ${error?.getMessage() ?? ''}`)
}

/** The store may answer with two 64-bit numbers what it was told as text. */
const toText = (uuid: InstanceType<typeof shared.UUID> | undefined): string => {
  const structured = uuid?.getStructured()
  if (!uuid || !structured) return uuid?.getString() ?? ''
  const half = (bits: string) => BigInt.asUintN(64, BigInt(bits)).toString(16).padStart(16, '0')
  const hex = half(structured.getMostSignificantBits()) + half(structured.getLeastSignificantBits())
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}
