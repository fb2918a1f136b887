import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export type LinkState =
  | 'open'
  /** Connections are reset, and new ones at once. */
  | 'cut'
  /** Nothing comes through and nobody is told; connections that lived through it stay dead. */
  | 'hole'
  /** Everything comes through, in order and late. */
  | { readonly delayMs: number }

/** A TCP link between two processes that can be broken. */
export type Link = {
  readonly name: string
  readonly port: number
  /** The port it leads to. */
  readonly target: number
  readonly set: (state: LinkState) => void
  readonly close: () => Promise<void>
}

type Connection = { readonly near: Socket; readonly far: Socket; isDead: boolean }

/** How long the far side of a dead connection keeps it: longer than any fault lasts. */
const zombieMs = 60_000

export const openLink = async (name: string, target: number): Promise<Link> => {
  let state: LinkState = 'open'
  const connections = new Set<Connection>()
  const server = createServer({ allowHalfOpen: true }, (near) => {
    if (state === 'cut') {
      near.resetAndDestroy()
      return
    }
    const far = connect({ port: target, host: '127.0.0.1', allowHalfOpen: true })
    const connection = { near, far, isDead: state === 'hole' }
    connections.add(connection)
    near.setNoDelay(true)
    far.setNoDelay(true)
    relay(connection, near, far, () => state)
    relay(connection, far, near, () => state)
    far.once('close', () => connections.delete(connection))
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  const reset = () => {
    for (const { near, far } of connections) {
      near.resetAndDestroy()
      far.resetAndDestroy()
    }
  }

  return {
    name,
    port: (server.address() as AddressInfo).port,
    target,
    set: (next) => {
      state = next
      if (next === 'cut') reset()
      if (next === 'hole') for (const connection of connections) connection.isDead = true
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        reset()
      }),
  }
}

/** One direction of a connection: bytes, their end and a reset, each as late as the link says. */
const relay = (
  connection: Connection,
  from: Socket,
  to: Socket,
  stateOf: () => LinkState,
): void => {
  const waiting: { readonly due: number; readonly deliver: () => void }[] = []
  let hasFailed = false
  let isTimed = false
  const deliverDue = (): void => {
    isTimed = false
    for (let [next] = waiting; next; [next] = waiting) {
      const left = next.due - performance.now()
      if (left > 0) {
        isTimed = true
        setTimeout(deliverDue, left)
        return
      }
      waiting.shift()
      next.deliver()
    }
  }
  // One queue and one timer: timers of their own may overtake one another, which TCP never does.
  const later = (deliver: () => void): void => {
    const state = stateOf()
    const delay = typeof state === 'object' ? state.delayMs : 0
    waiting.push({ due: performance.now() + delay, deliver })
    if (!isTimed) deliverDue()
  }
  from.on('data', (chunk: Buffer) => {
    if (connection.isDead) return
    later(() => {
      if (connection.isDead || to.destroyed) return
      if (to.write(chunk)) return
      from.pause()
      to.once('drain', () => from.resume())
    })
  })
  from.on('end', () => {
    if (connection.isDead) return
    later(() => {
      if (!connection.isDead && !to.destroyed) to.end()
    })
  })
  from.on('error', () => {
    hasFailed = true
  })
  from.on('close', () => {
    if (connection.isDead) return void setTimeout(() => to.destroy(), zombieMs).unref()
    later(() => {
      if (connection.isDead || to.destroyed) return
      if (hasFailed) to.resetAndDestroy()
      else to.destroySoon()
    })
  })
}
