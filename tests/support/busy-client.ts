import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { connectEventStore, firstPlace } from '../../src/runtime/event-store.ts'
import { eventOfSize } from './event-of-size.ts'

// A process of its own, which appends and reads through one client as fast as it can. It tells how
// much it was answered, and what memory it has.

const store = connectEventStore(process.argv[2] ?? '')
const books = Array.from({ length: 20 }, () => ({ id: randomUUID(), revision: -1 }))
let answered = 0

const forEver = async (work: () => Promise<void>): Promise<never> => {
  for (;;) {
    try {
      await work()
      answered++
    } catch {
      // It is away, and the next attempt may find it again.
      await sleep(20)
    }
  }
}

for (const book of books) {
  void forEver(async () => {
    const { id, revision } = book
    const events = Array.from({ length: 10 }, (_, index) => eventOfSize(revision + 1 + index, 1))
    const { kind } = await store.append(id, revision, events)
    book.revision = kind === 'appended' ? revision + 10 : await store.lastRevision(id)
  })
  void forEver(async () => {
    for await (const { revision } of store.readBook(book.id, 0, 1_000)) if (revision > 300) break
    for await (const _ of store.readAll(firstPlace, 1_000));
    await store.lastRevision(book.id)
  })
}

setInterval(() => process.send?.({ answered, bytes: process.memoryUsage().rss }), 100)
