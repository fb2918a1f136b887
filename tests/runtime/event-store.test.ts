import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Recorded } from '../../src/domain/events/index.ts'
import { connectEventStore, type EventStore } from '../../src/runtime/event-store.ts'
import { services } from '../support/services.ts'

describe('the log of a book', () => {
  let store: EventStore
  before(async () => {
    store = connectEventStore((await services()).eventStoreUrl)
  })
  after(() => store.close())

  for (const kilobytes of [1, 8, 9, 300, 700]) {
    it(`knows its last revision when the last event has ${kilobytes} KiB`, async () => {
      const book = randomUUID()
      for (const revision of [0, 1]) {
        const appended = await store.append(book, revision - 1, [event(revision, kilobytes)])
        assert.equal(appended.kind, 'appended')
        assert.equal(await store.lastRevision(book), revision)
      }
    })
  }

  it('is closed though reads were left before their end, one of them when all had come', async () => {
    const book = randomUUID()
    const events = Array.from({ length: 40 }, (_, revision) => event(revision, 1))
    await store.append(book, -1, events)
    const another = connectEventStore((await services()).eventStoreUrl)
    for (const milliseconds of [0, 5, 50]) {
      for await (const { revision } of another.readBook(book, 0, 100)) {
        assert.equal(revision, 0)
        await sleep(milliseconds)
        break
      }
      assert.equal(await another.lastRevision(book), 39)
    }
    await another.close()
  })
})

const event = (revision: number, kilobytes: number): Recorded => ({
  type: 'CommandRefused',
  id: randomUUID(),
  revision,
  data: {
    command: 'Large',
    rejection: { code: 'too_large', message: 'x'.repeat(kilobytes * 1024), details: [] },
  },
  metadata: {} as Recorded['metadata'],
})
