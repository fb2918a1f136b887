import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
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
