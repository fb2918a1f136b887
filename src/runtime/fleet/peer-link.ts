import { connect, type Socket } from 'node:net'
import type { Outcome, Received } from '../../commands/received.ts'
import type { Rejection } from '../../domain/rejection.ts'
import { hello, isProof, prove } from './handshake.ts'
import { lineWriter, readLines } from './lines.ts'
import { type Reply, toOutcome, toSent } from './message.ts'

export type Sent =
  | { readonly kind: 'answered'; readonly outcome: Outcome }
  | { readonly kind: 'rejected'; readonly rejection: Rejection }
  | { readonly kind: 'failed'; readonly error: Error }
  /** The peer never had it. */
  | { readonly kind: 'not_taken'; readonly why: string }
  /** The peer may have it, and may yet decide it; no answer will come. */
  | { readonly kind: 'lost'; readonly why: string }

export type PeerLink = {
  readonly send: (received: Received) => Promise<Sent>
  readonly close: () => void
}

const connectMs = 500
const beatMs = 250
/** A peer that has said nothing for so long while it is asked something is frozen or cut off. */
const muteMs = 2_000

type Waiting = Map<number, (sent: Sent) => void>

/**
 * One connection to another API process, over which commands go and answers come in any order.
 * `ended` is called once, when it takes no more: the next command needs another.
 */
export const openPeerLink = (address: string, secret: Buffer, ended: () => void): PeerLink => {
  const separator = address.lastIndexOf(':')
  const host = address.slice(0, separator).replace(/^\[|\]$/g, '')
  const socket = connect({ host, port: Number(address.slice(separator + 1)), noDelay: true })
  socket.setKeepAlive(true, 10_000)
  const write = lineWriter(socket)
  const waiting: Waiting = new Map()
  /** Before the peer has proved who it is, nothing is sent. */
  let queued: { readonly n: number; readonly received: Received }[] | null = []
  let isOver = false
  let last = 0

  const end = (): void => {
    if (!isOver) ended()
    isOver = true
    if (waiting.size === 0) socket.end()
  }
  const reply = (message: Reply): void => {
    if ('leaving' in message) return end()
    if ('pong' in message) return
    waiting.get(message.n)?.(sentOf(message))
    waiting.delete(message.n)
    if (isOver && waiting.size === 0) socket.end()
  }
  const stopBeating = beat(socket, waiting, () => write({ ping: true }))
  const doubt = setTimeout(() => socket.destroy(new Error('no connection in time')), connectMs)
  shakeHands(socket, write, secret, () => {
    clearTimeout(doubt)
    for (const { n, received } of queued ?? []) write({ n, received: toSent(received) })
    queued = null
    return reply
  })
  let why = `${address} has closed the connection`
  socket.on('error', (error) => {
    why = error.message
  })
  socket.once('close', () => {
    clearTimeout(doubt)
    stopBeating()
    const unsent = new Set(queued?.map(({ n }) => n))
    end()
    for (const [n, settle] of waiting) settle({ kind: unsent.has(n) ? 'not_taken' : 'lost', why })
    waiting.clear()
  })

  return {
    send: (received) =>
      new Promise((resolve) => {
        if (isOver) return resolve({ kind: 'not_taken', why })
        const n = ++last
        waiting.set(n, resolve)
        if (queued) queued.push({ n, received })
        else write({ n, received: toSent(received) })
      }),
    close: end,
  }
}

const sentOf = (message: Extract<Reply, { n: number }>): Sent => {
  if ('outcome' in message) return { kind: 'answered', outcome: toOutcome(message.outcome) }
  if ('rejection' in message) return { kind: 'rejected', rejection: message.rejection }
  if ('unknown' in message) return { kind: 'not_taken', why: 'the peer does not know the command' }
  return { kind: 'failed', error: new Error(`the book's writer failed: ${message.failed}`) }
}

/** Hello, the peer's proof, ours; from then on lines go to what `done` answers. */
const shakeHands = (
  socket: Socket,
  write: (value: object) => void,
  secret: Buffer,
  done: () => (message: Reply) => void,
): void => {
  const own = hello()
  let next: ((message: Reply) => void) | null = null
  write(own)
  readLines(socket, (line) => {
    if (next) return next(line as Reply)
    const { nonce, proof } = line as { nonce?: unknown; proof?: unknown }
    if (typeof nonce !== 'string' || !isProof(proof, prove(secret, 'serving', own.nonce, nonce))) {
      throw new Error('the peer is of another version, or does not know the secret')
    }
    write({ proof: prove(secret, 'asking', own.nonce, nonce) })
    next = done()
  })
}

/** Asks for a sign of life while answers are awaited, and ends a connection that gives none. */
const beat = (socket: Socket, waiting: Waiting, ping: () => void): (() => void) => {
  let heardAt = performance.now()
  let lookedAt = heardAt
  socket.on('data', () => {
    heardAt = performance.now()
  })
  const timer = setInterval(() => {
    const now = performance.now()
    // Where we ourselves stood still, what has come meanwhile was not read yet.
    const wasAway = now - lookedAt > 2 * beatMs
    lookedAt = now
    if (waiting.size === 0 || wasAway) heardAt = now
    else if (now - heardAt > muteMs) socket.destroy(new Error(`nothing came for ${muteMs} ms`))
    else if (now - heardAt > beatMs) ping()
  }, beatMs)
  timer.unref()
  return () => clearInterval(timer)
}
