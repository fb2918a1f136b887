import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2'
import { MalformedMessage } from '../../protobuf.ts'
import { MessageReader } from './message-reader.ts'
import { CallError, encodeGrpcMessage, Status } from './status.ts'

const TIMEOUT_UNITS: Record<string, number> = { H: 3_600_000, M: 60_000, S: 1000, m: 1 }

/** One gRPC call over an HTTP/2 stream. */
export class Call {
  readonly headers: IncomingHttpHeaders
  private readonly stream: ServerHttp2Stream
  private readonly onError: (error: unknown) => void
  private readonly deadline: number
  private hasResponded = false
  private isOver = false

  constructor(
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    onError: (error: unknown) => void,
  ) {
    this.stream = stream
    this.headers = headers
    this.onError = onError
    this.deadline = deadlineOf(headers['grpc-timeout'])
    stream.on('error', () => undefined) // A peer that went away; 'close' follows.
    stream.on('close', () => {
      this.isOver = true
    })
  }

  /** Whether nobody waits for an answer any more. */
  get isDone(): boolean {
    return this.isOver || this.stream.destroyed || this.stream.closed
  }

  readonly isExpired = (): boolean => Date.now() >= this.deadline

  onClose(listener: () => void): void {
    this.stream.once('close', listener)
  }

  /**
   * Hands over each message of the client, of at most so many bytes, then calls `onEnd`. What these
   * throw ends the call.
   */
  receive(maxBytes: number, onMessage: (message: Buffer) => void, onEnd: () => void): void {
    const reader = new MessageReader(maxBytes)
    const guarded = (work: () => void) => {
      if (this.isDone) return
      try {
        work()
      } catch (error) {
        this.fail(error)
      }
    }
    this.stream.on('data', (chunk: Buffer) => {
      guarded(() => {
        for (const message of reader.push(chunk)) onMessage(message)
      })
    })
    this.stream.on('end', () => {
      guarded(() => {
        if (!reader.isEmpty) throw new MalformedMessage('the call ends inside a message')
        onEnd()
      })
    })
  }

  pause(): void {
    this.stream.pause()
  }

  resume(): void {
    this.stream.resume()
  }

  /** Sends framed messages. False asks to wait for `drained` before the next. */
  send(framed: Buffer): boolean {
    if (this.isDone) return true
    this.respond()
    if (this.stream.writableCorked === 0) {
      // What is sent within one turn, such as the answers of a group, leaves in one frame.
      this.stream.cork()
      process.nextTick(() => this.stream.uncork())
    }
    return this.stream.write(framed)
  }

  /** Resolves when the client has taken what was sent, or is gone. */
  drained(): Promise<void> {
    if (this.isDone || !this.stream.writableNeedDrain) return Promise.resolve()
    return new Promise((resolve) => {
      const done = () => {
        this.stream.off('drain', done)
        this.stream.off('close', done)
        resolve()
      }
      this.stream.on('drain', done)
      this.stream.on('close', done)
    })
  }

  /** Ends the call well. */
  end(): void {
    this.finish({ 'grpc-status': '0' })
  }

  /** Ends the call with what went wrong. */
  fail(error: unknown): void {
    if (error instanceof CallError) {
      const { code, message, trailers } = error
      const status = { 'grpc-status': String(code), 'grpc-message': encodeGrpcMessage(message) }
      this.finish({ ...status, ...trailers })
    } else if (error instanceof MalformedMessage) {
      this.fail(new CallError(Status.INVALID_ARGUMENT, error.message))
    } else {
      this.onError(error)
      this.fail(new CallError(Status.INTERNAL, 'the event store could not serve this call'))
    }
  }

  /** Drops the call, as a server does that goes away: clients resubscribe elsewhere. */
  cancel(): void {
    if (this.isDone) return
    this.isOver = true
    this.stream.close(constants.NGHTTP2_CANCEL)
  }

  private respond(): void {
    if (this.hasResponded) return
    this.hasResponded = true
    const headers = { ':status': 200, 'content-type': 'application/grpc' }
    this.stream.respond(headers, { waitForTrailers: true })
  }

  private finish(trailers: Record<string, string>): void {
    if (this.isDone) return
    this.isOver = true
    if (this.hasResponded) {
      this.stream.once('wantTrailers', () => {
        if (!this.stream.destroyed) this.stream.sendTrailers(trailers)
      })
      this.stream.end()
    } else {
      const headers = { ':status': 200, 'content-type': 'application/grpc' }
      this.stream.respond({ ...headers, ...trailers }, { endStream: true })
    }
    this.stream.resume()
  }
}

function deadlineOf(header: string | string[] | undefined): number {
  const match = /^(\d{1,8})([HMSmun])$/.exec(String(header ?? ''))
  const [, amount, unit] = match ?? []
  if (amount === undefined || unit === undefined) return Number.POSITIVE_INFINITY
  return Date.now() + Number(amount) * (TIMEOUT_UNITS[unit] ?? 0)
}
