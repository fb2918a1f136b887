import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type ServerHttp2Stream } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { EventStoreDBClient } from '@eventstore/db-client'
import { Rejected } from '../../src/domain/rejection.ts'
import { connectEventStore, type EventStore } from '../../src/runtime/event-store.ts'
import { eventOfSize } from '../support/event-of-size.ts'
import { services } from '../support/services.ts'

const head = { ':status': 200, 'content-type': 'application/grpc' }
const cancel = 8

/** What a store that is stopped, cut off or killed may do to a read, before anything has come. */
const brokenReads: Readonly<Record<string, (stream: ServerHttp2Stream) => void>> = {
  'is never answered': (stream) => stream.on('error', () => {}),
  'is begun, and then nothing comes': (stream) => {
    stream.on('error', () => {})
    stream.respond(head)
  },
  'ends without a word': (stream) => {
    stream.respond({ ...head, 'grpc-status': '0' }, { endStream: true })
  },
  'is cancelled': (stream) => {
    stream.on('error', () => {})
    stream.respond(head)
    stream.close(cancel)
  },
  'loses its connection': (stream) => stream.session?.destroy(),
}

const isUnavailable = (error: unknown): boolean =>
  error instanceof Rejected && error.rejection.code === 'store_unavailable'

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
        const appended = await store.append(book, revision - 1, [eventOfSize(revision, kilobytes)])
        assert.equal(appended.kind, 'appended')
        assert.equal(await store.lastRevision(book), revision)
      }
    })
  }

  it('refuses for good what is larger than an append may be', async () => {
    const book = randomUUID()
    const refused = await store.append(book, -1, [eventOfSize(0, 1_100)])
    assert.deepEqual(refused, { kind: 'refused', why: 'too_large' })
    assert.deepEqual(await store.append(book, -1, [eventOfSize(0, 1)]), { kind: 'appended' })
  })

  it('refuses for good what goes to a deleted stream', async () => {
    const book = randomUUID()
    await store.append(book, -1, [eventOfSize(0, 1)])
    const client = EventStoreDBClient.connectionString((await services()).eventStoreUrl)
    await client.tombstoneStream(`book-${book}`)
    await client.dispose()
    const refused = await store.append(book, 0, [eventOfSize(1, 1)])
    assert.deepEqual(refused, { kind: 'refused', why: 'deleted' })
  })

  it('says that it was denied when the store turns it away, and tries again', async () => {
    let status = '16'
    let calls = 0
    const server = createServer()
    server.on('stream', (stream) => {
      calls++
      stream.respond({ ...head, 'grpc-status': status }, { endStream: true })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const stranger = connectEventStore(`esdb://127.0.0.1:${port}?tls=false`)
    try {
      for (status of ['16', '7']) {
        const denied = await stranger.append(randomUUID(), -1, [eventOfSize(0, 1)])
        assert.deepEqual(denied, { kind: 'refused', why: 'denied' })
      }
      status = '14'
      const away = await stranger.append(randomUUID(), -1, [eventOfSize(0, 1)])
      assert.equal(away.kind, 'unknown')
      assert.ok(calls >= 3)
    } finally {
      await stranger.close()
      server.close()
    }
  })

  for (const [how, end] of Object.entries(brokenReads)) {
    it(`does not take a book for one that is not there when a read ${how}`, async () => {
      const server = createServer()
      server.on('stream', end)
      server.on('sessionError', () => {})
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      const { port } = server.address() as AddressInfo
      const broken = connectEventStore(`esdb://127.0.0.1:${port}?tls=false`)
      try {
        await assert.rejects(broken.lastRevision(randomUUID()), isUnavailable)
      } finally {
        await broken.close()
        server.close()
      }
    })
  }

  it('does not take a read for whole that ended because another was in vain', async () => {
    const server = createServer()
    server.on('stream', (stream) => stream.on('error', () => {}))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const mute = connectEventStore(`esdb://127.0.0.1:${port}?tls=false`)
    const readAll = async () => {
      for await (const { revision } of mute.read(randomUUID(), 0)) assert.fail(`${revision}`)
    }
    try {
      const first = assert.rejects(mute.lastRevision(randomUUID()), isUnavailable)
      await sleep(1_000)
      // On the same connection, which the first one gives up while these are under way.
      const later = [mute.lastRevision(randomUUID()), readAll()]
      const outcomes = Promise.all(later.map((one) => assert.rejects(one, isUnavailable)))
      await Promise.all([first, outcomes])
    } finally {
      await mute.close()
      server.close()
    }
  })

  it('waits for who reads slowly, and gives every event once, in order', async () => {
    const book = randomUUID()
    const events = Array.from({ length: 1_600 }, (_, revision) => eventOfSize(revision, 0))
    await store.append(book, -1, events)
    let next = 0
    for await (const { revision } of store.readBook(book, 0, 2_000)) {
      assert.equal(revision, next++)
      if (revision % 400 === 0) await sleep(20)
    }
    assert.equal(next, 1_600)
  })

  it('is closed though reads were left before their end, one of them when all had come', async () => {
    const book = randomUUID()
    const events = Array.from({ length: 40 }, (_, revision) => eventOfSize(revision, 1))
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
