import { randomUUID } from 'node:crypto'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Call } from '../grpc/call.ts'
import type { PlacedEvent } from '../log/section.ts'
import type { EventStore } from '../store/event-store.ts'
import { streamDeleted } from './errors.ts'
import { Outbox } from './outbox.ts'
import type { ReadRequest } from './read-request.ts'
import { caughtUp, checkpoint, confirmation, EVENTS_PER_TURN, eventResponse } from './responses.ts'

/**
 * Serves a subscription: confirmation, the events after the given place, `caughtUp` once, then each
 * event when it becomes durable. It reads the log as its client takes the events, live or not, so a
 * slow reader costs a place in the log and one window, never a queue.
 */
export async function subscribe(
  store: EventStore,
  call: Call,
  request: ReadRequest,
): Promise<void> {
  const outbox = new Outbox(call)
  const news = newsOf(store, call)
  const cursor = startOf(store, request)
  const checkpoints = new Checkpoints(request)
  refuseIfDeleted(store, request)
  outbox.add(confirmation(randomUUID()))
  await outbox.flush()
  let isLive = false
  let considered = 0
  while (!call.isDone) {
    const seen = news.count()
    for (const event of cursor.read()) {
      if (request.filter === undefined || request.filter.matches(event)) {
        outbox.add(eventResponse(store, event, request))
      }
      const due = checkpoints.after(event)
      if (due !== undefined) outbox.add(checkpoint(due))
      if (outbox.isFull) await outbox.flush()
      if (++considered % EVENTS_PER_TURN === 0) {
        await outbox.flush()
        await nextTurn()
      }
      if (call.isDone) return
    }
    if (!isLive) {
      isLive = true
      const due = checkpoints.beforeLive()
      if (due !== undefined) outbox.add(checkpoint(due))
      outbox.add(caughtUp())
    }
    await outbox.flush()
    refuseIfDeleted(store, request)
    await news.since(seen)
  }
}

function refuseIfDeleted(store: EventStore, { source: { stream } }: ReadRequest): void {
  if (stream !== undefined && store.streamState(stream) === 'deleted') throw streamDeleted(stream)
}

/** Where a subscription is: `read` gives what there is behind the last event it gave. */
function startOf(
  store: EventStore,
  { source: { stream, from } }: ReadRequest,
): { read(): Iterable<PlacedEvent> } {
  if (stream === undefined) {
    const last = from === 'start' ? -1 : from === 'end' ? store.end : from
    return store.followAll(last + 1)
  }
  let last = from === 'start' ? -1 : from === 'end' ? store.lastRevision(stream) : from
  return {
    *read() {
      for (const event of store.readStream(stream, last + 1, 'forwards')) {
        last = event.revision
        yield event
      }
    },
  }
}

/** When a filtered subscription tells its client how far it has looked. */
class Checkpoints {
  private readonly every: number
  private considered = 0
  private last = 0
  private sent = 0

  constructor({ filter }: ReadRequest) {
    this.every = filter?.checkpointEvery ?? 0
  }

  after({ position }: PlacedEvent): number | undefined {
    if (this.every === 0) return undefined
    this.last = position
    this.considered++
    return this.considered % this.every === 0 ? this.send() : undefined
  }

  beforeLive(): number | undefined {
    return this.last > this.sent ? this.send() : undefined
  }

  private send(): number {
    this.sent = this.last
    return this.last
  }
}

/** Counts commits, so that one that falls between reading and waiting is not slept through. */
function newsOf(store: EventStore, call: Call) {
  let count = 0
  let wake: () => void = () => undefined
  const stop = store.onCommit(() => {
    count++
    wake()
  })
  call.onClose(() => {
    stop()
    wake()
  })
  return {
    count: () => count,
    since: (seen: number): Promise<void> => {
      if (count !== seen || call.isDone) return Promise.resolve()
      return new Promise((resolve) => {
        wake = resolve
      })
    },
  }
}
