import { createServer, type ServerHttp2Session } from 'node:http2'
import type { AddressInfo, Socket } from 'node:net'
import { MalformedMessage } from '../../protobuf.ts'
import { Call } from './call.ts'
import { frameMessage, MAX_MESSAGE } from './message-reader.ts'
import { CallError, Status } from './status.ts'

/** What serves a call. When the server goes away, long-lived calls are dropped, others awaited. */
export type Method = { isLongLived: boolean; serve: (call: Call) => void }

export type GrpcServerOptions = {
  host: string
  port: number
  methods: ReadonlyMap<string, Method>
  onError: (error: unknown) => void
}

export type GrpcServer = {
  port: number
  /** Refuses new calls, lets unary ones finish, drops the streaming ones, then closes. */
  close(drain: () => Promise<void>): Promise<void>
}

const WINDOW = 4 * 1024 * 1024
/** Node's 10 would refuse calls to a client whose other calls are slow. */
const SESSION_MEGABYTES = 256
const DRAIN_MS = 5000
const GOODBYE_MS = 500

/** Serves gRPC on node:http2 itself, at a fifth of what a gRPC library costs an event read. */
export async function serveGrpc(options: GrpcServerOptions): Promise<GrpcServer> {
  const server = createServer({
    settings: { initialWindowSize: WINDOW, maxConcurrentStreams: 1000 },
    maxSessionMemory: SESSION_MEGABYTES,
  })
  const sessions = new Set<ServerHttp2Session>()
  const sockets = new Set<Socket>()
  const calls = { longLived: new Set<Call>(), short: new Set<Call>() }

  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  server.on('session', (session) => {
    sessions.add(session)
    session.setLocalWindowSize(WINDOW)
    session.on('close', () => sessions.delete(session))
    session.on('error', () => undefined)
  })
  server.on('sessionError', () => undefined) // What is no HTTP/2 ends its own session.
  server.on('stream', (stream, headers) => {
    const call = new Call(stream, headers, options.onError)
    const path = String(headers[':path'])
    const method = options.methods.get(path)
    if (!String(headers['content-type']).startsWith('application/grpc')) {
      stream.respond({ ':status': 415 }, { endStream: true })
    } else if (method === undefined) {
      call.fail(new CallError(Status.UNIMPLEMENTED, `${path} is not implemented by this server`))
    } else {
      const open = method.isLongLived ? calls.longLived : calls.short
      open.add(call)
      call.onClose(() => open.delete(call))
      method.serve(call)
    }
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port, options.host, resolve)
  })
  return {
    port: (server.address() as AddressInfo).port,
    close: async (drain) => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      await atMost(DRAIN_MS, Promise.all([...calls.short].map(closeOf)))
      await drain()
      for (const call of [...calls.longLived, ...calls.short]) call.cancel()
      for (const session of sessions) session.close()
      await atMost(GOODBYE_MS, closed)
      // Not only sessions: one that was told goodbye waits for its client, who may never say so too.
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

const closeOf = (call: Call) => new Promise<void>((resolve) => call.onClose(resolve))

/** Waits for the work, and no longer than that. */
async function atMost(ms: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise((resolve) => {
    timer = setTimeout(resolve, ms)
  })
  await Promise.race([work, timeout])
  clearTimeout(timer)
}

/** A method of one request and one response. */
export function unary(handle: (request: Buffer, call: Call) => Buffer | Promise<Buffer>): Method {
  return { isLongLived: false, serve: (call) => serveUnary(call, handle) }
}

function serveUnary(
  call: Call,
  handle: (request: Buffer, call: Call) => Buffer | Promise<Buffer>,
): void {
  let request: Buffer | undefined
  const respond = async (message: Buffer) => {
    call.send(frameMessage(await handle(message, call)))
    call.end()
  }
  call.receive(
    MAX_MESSAGE,
    (message) => {
      if (request !== undefined) throw new MalformedMessage('more than one request')
      request = message
    },
    () => {
      if (request === undefined) throw new MalformedMessage('no request')
      respond(request).catch((error: unknown) => call.fail(error))
    },
  )
}
