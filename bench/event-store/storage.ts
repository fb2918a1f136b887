import { randomUUID } from 'node:crypto'
import type { Disk } from '../../src/event-store/disk/disk.ts'
import { EventStore } from '../../src/event-store/store/event-store.ts'

const DATA = Buffer.from(JSON.stringify({ padding: 'x'.repeat(200) }))
const NO_METADATA = Buffer.alloc(0)

/** Opens a store without a server around it. */
export const openStore = (disk: Disk) =>
  EventStore.open({
    disk,
    report: () => undefined,
    now: Date.now,
    random: () => 1,
    newId: randomUUID,
    segmentBytes: 64 * 1024 * 1024,
    preallocateBytes: 4 * 1024 * 1024,
    groupRequests: 4096,
    recentIds: 100_000,
    onFatal: (error) => {
      throw error
    },
  })

/** Appends of one event a second, every one durable when answered, with so many callers. */
export async function appendsPerSecond(
  store: EventStore,
  callers: number,
  eventsEach: number,
  seconds: number,
): Promise<number> {
  const end = performance.now() + seconds * 1000
  let done = 0
  const caller = async (i: number) => {
    const stream = `stream-${i}`
    while (performance.now() < end) {
      const events = Array.from({ length: eventsEach }, () => ({
        id: randomUUID(),
        type: 'Sampled',
        contentType: 'application/json',
        data: DATA,
        metadata: NO_METADATA,
      }))
      const ids = events.map(({ id }) => id)
      const records = store.encode(stream, events)
      await store.write({ kind: 'append', stream, expected: 'any', ids, ...records })
      done++
    }
  }
  const start = performance.now()
  await Promise.all(Array.from({ length: callers }, (_, i) => caller(i)))
  return (done / (performance.now() - start)) * 1000
}

/** Events a second of one scan over `$all`. */
export function scansPerSecond(store: EventStore): number {
  const start = performance.now()
  let events = 0
  for (const _ of store.readAll(0, 'forwards')) events++
  return (events / (performance.now() - start)) * 1000
}
