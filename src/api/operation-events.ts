import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import type { OperationResource } from '../queries/projections.ts'

const everyMs = 500
/** Proxies end connections on which nothing comes for long. */
const aliveMs = 15_000

/**
 * An operation as server-sent events: its state at once, again at each change, and the stream's end
 * with that of the operation. Whoever lost the connection gets the state it is in by then, so
 * nothing has to be kept, and Last-Event-ID only spares what was seen already.
 */
export const operationEvents = (
  find: () => Promise<OperationResource>,
  lastSeen: string,
): Readable => {
  async function* events() {
    let seen = lastSeen
    let saidAt = Date.now()
    for (;;) {
      const operation = await find()
      const id = idOf(operation)
      if (id !== seen) {
        yield `id: ${id}\nevent: operation\ndata: ${JSON.stringify(operation)}\n\n`
        seen = id
        saidAt = Date.now()
      } else if (Date.now() - saidAt > aliveMs) {
        yield ': nothing new\n\n'
        saidAt = Date.now()
      }
      if (operation.state !== 'running' && operation.state !== 'paused') return
      await sleep(everyMs, undefined, { ref: false })
    }
  }
  return Readable.from(events())
}

const idOf = ({ stage, state, progress }: OperationResource): string =>
  `${stage}-${state}-${progress.events_done}`
