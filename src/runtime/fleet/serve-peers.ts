import { type AddressInfo, createServer, type Socket } from 'node:net'
import type { Outcome, Received } from '../../commands/received.ts'
import { Rejected } from '../../domain/rejection.ts'
import { hello, isProof, prove } from './handshake.ts'
import { lineWriter, readLines } from './lines.ts'
import { type Question, type Reply, toReceived, toSentOutcome } from './message.ts'

export type PeerServer = {
  readonly port: number
  /** Takes no more commands; resolves once those it has are answered, or the time is up. */
  readonly close: (withinMs: number) => Promise<void>
}

type Options = {
  readonly host: string
  readonly port: number
  readonly secret: Buffer
  /** Decides here, whoever the writer of the book should be. */
  readonly submit: (received: Received) => Promise<Outcome>
}

const handshakeMs = 2_000

/** Takes commands from other API processes, for books that this one writes. */
export const servePeers = async ({ host, port, secret, submit }: Options): Promise<PeerServer> => {
  const connections = new Set<{ readonly socket: Socket; readonly leave: () => void }>()
  const server = createServer({ noDelay: true }, (socket) => {
    const reply = lineWriter(socket) as (reply: Reply) => void
    const connection = { socket, leave: () => reply({ leaving: true }) }
    connections.add(connection)
    // Its end is the other side's affair, which takes it for one without answers.
    socket.on('error', () => {})
    socket.once('close', () => connections.delete(connection))
    admit(socket, secret, (question) => {
      if ('ping' in question) reply({ pong: true })
      else void decide(question, submit).then(reply)
    })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, resolve)
  })

  return {
    port: (server.address() as AddressInfo).port,
    close: (withinMs) =>
      new Promise((resolve) => {
        const cut = setTimeout(() => {
          for (const { socket } of connections) socket.destroy()
        }, withinMs)
        server.close(() => {
          clearTimeout(cut)
          resolve()
        })
        for (const { leave } of connections) leave()
      }),
  }
}

/** The other side of the handshake; nothing of a stranger's is looked at. */
const admit = (socket: Socket, secret: Buffer, take: (question: Question) => void): void => {
  const own = hello()
  const late = setTimeout(() => socket.destroy(), handshakeMs)
  socket.once('close', () => clearTimeout(late))
  const write = lineWriter(socket)
  let theirNonce: string | null = null
  let isAdmitted = false
  readLines(socket, (line) => {
    if (isAdmitted) return take(line as Question)
    if (theirNonce === null) {
      const { daybook, nonce } = line as { daybook?: unknown; nonce?: unknown }
      if (daybook !== own.daybook || typeof nonce !== 'string') throw new Error('a stranger')
      theirNonce = nonce
      write({ nonce: own.nonce, proof: prove(secret, 'serving', nonce, own.nonce) })
      return
    }
    const { proof } = line as { proof?: unknown }
    if (!isProof(proof, prove(secret, 'asking', theirNonce, own.nonce)))
      throw new Error('a stranger')
    isAdmitted = true
    clearTimeout(late)
  })
}

const decide = async (
  { n, received: sent }: Extract<Question, { n: number }>,
  submit: Options['submit'],
): Promise<Reply> => {
  const received = toReceived(sent)
  if (!received) return { n, unknown: true }
  try {
    return { n, outcome: toSentOutcome(await submit(received)) }
  } catch (error) {
    if (error instanceof Rejected) return { n, rejection: error.rejection }
    return { n, failed: (error as Error).message }
  }
}
