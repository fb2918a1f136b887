import { hostname } from 'node:os'
import type { Redis } from 'ioredis'
import type { Outcome, Received } from '../../commands/received.ts'
import { type ForwardOptions, forwarding } from './forward.ts'
import { fleetSecret } from './handshake.ts'
import { writerLeases } from './leases.ts'
import { servePeers } from './serve-peers.ts'

type Submit = (received: Received) => Promise<Outcome>

type Options = Pick<ForwardOptions, 'local' | 'observe' | 'warn'> & {
  readonly host: string
  readonly peerPort: number
  readonly peerAddress: string | null
  readonly jwtSecret: string
  readonly redis: Redis
  /** Decides here what other processes hand over. */
  readonly forPeers: Submit
}

export type Fleet = {
  /** Where others reach this process. */
  readonly address: string
  /** Decides a command where its book is written. */
  readonly submit: Submit
  /** Gives up its books and takes no more from others; resolves once theirs are answered. */
  readonly leave: (withinMs: number) => Promise<void>
  readonly close: () => void
}

/** Makes this process one of those that share the books among them. */
export const joinFleet = async (options: Options): Promise<Fleet> => {
  const { host, peerPort: port, peerAddress, jwtSecret, redis, forPeers: submit } = options
  const secret = fleetSecret(jwtSecret)
  const server = await servePeers({ host, port, secret, submit })
  const address = peerAddress ?? `${reachable(host)}:${server.port}`
  const leases = writerLeases(redis, address)
  const { submit: forward, close } = forwarding({ ...options, leases, secret })
  return {
    address,
    submit: forward,
    leave: async (withinMs) => {
      await leases.close()
      await server.close(withinMs)
    },
    close,
  }
}

const reachable = (host: string): string => {
  if (host === '0.0.0.0' || host === '::') return hostname()
  return host.includes(':') ? `[${host}]` : host
}
