import { randomUUID } from 'node:crypto'
import { connectEventStore } from '../../src/runtime/event-store.ts'
import { eventOfSize } from './event-of-size.ts'

// A process of its own, with an append and a read under way, which tells what became of the two. The
// append is larger than what the sockets keep, so it goes only as far as the other side reads.

const store = connectEventStore(process.argv[2] ?? '')

const read = async (): Promise<string> => {
  try {
    for await (const _ of store.readBook(randomUUID(), 0, 1));
    return 'read'
  } catch {
    return 'unavailable'
  }
}

const [appended, wasRead] = await Promise.all([
  store.append(randomUUID(), -1, [eventOfSize(0, 32 * 1024)]),
  read(),
])
process.send?.([appended.kind, wasRead], () => process.exit())
