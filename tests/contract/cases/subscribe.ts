import assert from 'node:assert/strict'
import { StreamDeletedError } from '@eventstore/db-client'
import { type ContractCase, events, newStream, revisions, until, Watch } from '../support/target.ts'

const toStreams: ContractCase[] = [
  {
    name: 'confirms, gives all there is, says once that it caught up, and goes on live',
    run: async ({ client }) => {
      const stream = newStream()
      await client.appendToStream(stream, events(2))
      const watch = new Watch(client.subscribeToStream(stream))
      await watch.caughtUp()
      await client.appendToStream(stream, events(1))
      await client.appendToStream(stream, events(1))
      await watch.has('3')
      assert.deepEqual(watch.told, ['confirmed', '0', '1', 'caught up', '2', '3'])
      await watch.stop()
    },
  },
  {
    name: 'begins after the revision given, or at the end',
    run: async ({ client }) => {
      const stream = newStream()
      await client.appendToStream(stream, events(3))
      const after = new Watch(client.subscribeToStream(stream, { fromRevision: 1n }))
      const end = new Watch(client.subscribeToStream(stream, { fromRevision: 'end' }))
      await Promise.all([after.caughtUp(), end.caughtUp()])
      await client.appendToStream(stream, events(1))
      await Promise.all([after.has('3'), end.has('3')])
      assert.deepEqual(after.told, ['confirmed', '2', 'caught up', '3'])
      assert.deepEqual(end.told, ['confirmed', 'caught up', '3'])
      await Promise.all([after.stop(), end.stop()])
    },
  },
  {
    name: 'is caught up at once with a stream that is not there, and waits for it',
    run: async ({ client }) => {
      const stream = newStream()
      const watch = new Watch(client.subscribeToStream(stream))
      await watch.caughtUp()
      await client.appendToStream(stream, events(1))
      await watch.has('0')
      assert.deepEqual(watch.told, ['confirmed', 'caught up', '0'])
      await watch.stop()
    },
  },
  {
    name: 'ends with the tombstone of its stream',
    run: async ({ client }) => {
      const stream = newStream()
      await client.appendToStream(stream, events(1))
      const watch = new Watch(client.subscribeToStream(stream))
      await watch.caughtUp()
      await client.tombstoneStream(stream)
      await until(() => watch.error !== undefined)
      assert(watch.error instanceof StreamDeletedError, String(watch.error))
    },
  },
  {
    name: 'to a stream with a tombstone ends at once',
    run: async ({ client }) => {
      const stream = newStream()
      await client.appendToStream(stream, events(1))
      await client.tombstoneStream(stream)
      const watch = new Watch(client.subscribeToStream(stream))
      await until(() => watch.error !== undefined)
      assert(watch.error instanceof StreamDeletedError, String(watch.error))
      assert.deepEqual(watch.events, [])
    },
  },
  {
    name: 'resolves links when asked to',
    run: async ({ client }) => {
      const [stream, links] = [newStream(), newStream('links')]
      await client.appendToStream(stream, events(1))
      const watch = new Watch(client.subscribeToStream(links, { resolveLinkTos: true }))
      await watch.caughtUp()
      const [link] = events(1)
      assert(link !== undefined)
      const data = Buffer.from(`0@${stream}`)
      const contentType = 'application/octet-stream'
      await client.appendToStream(links, { ...link, type: '$>', contentType, data })
      await until(() => watch.events.length === 1)
      assert.equal(watch.events[0]?.event?.streamId, stream)
      assert.equal(watch.events[0]?.link?.streamId, links)
      await watch.stop()
    },
  },
]

const toAll: ContractCase[] = [
  {
    name: 'gives all streams in order, after the position given, and live',
    run: async ({ client }) => {
      const [one, other] = [newStream(), newStream()]
      const { position } = await client.appendToStream(one, events(2))
      await client.appendToStream(other, events(2))
      assert(position !== undefined)
      const watch = new Watch(client.subscribeToAll({ fromPosition: position }))
      await watch.caughtUp()
      await client.appendToStream(one, events(1))
      await until(() => watch.events.some(({ event }) => event?.revision === 2n))
      const ours = watch.events.filter(({ event }) => [one, other].includes(event?.streamId ?? ''))
      assert.deepEqual(
        ours.map(({ event }) => `${event?.streamId === one ? 'one' : 'other'}/${event?.revision}`),
        ['other/0', 'other/1', 'one/2'],
      )
      assert.equal(watch.told[0], 'confirmed')
      assert.equal(watch.told.filter((told) => told === 'caught up').length, 1)
      await watch.stop()
    },
  },
  {
    name: 'from the end gives only what is new',
    run: async ({ client }) => {
      await client.appendToStream(newStream(), events(1))
      const watch = new Watch(client.subscribeToAll({ fromPosition: 'end' }))
      await watch.caughtUp()
      const stream = newStream()
      await client.appendToStream(stream, events(1))
      await until(() => watch.events.some(({ event }) => event?.streamId === stream))
      assert.deepEqual(watch.told.slice(0, 3), ['confirmed', 'caught up', '0'])
      await watch.stop()
    },
  },
  {
    name: 'loses and doubles nothing while it catches up with a stream that is being written',
    run: async ({ client }) => {
      const stream = newStream()
      const { position } = await client.appendToStream(stream, events(1))
      assert(position !== undefined)
      let written = 1
      const writing = (async () => {
        for (; written < 400; written += 4) await client.appendToStream(stream, events(4))
      })()
      const watch = new Watch(client.subscribeToAll({ fromPosition: position }))
      await writing
      const ours = () => watch.events.filter(({ event }) => event?.streamId === stream)
      await until(() => ours().length === written - 1)
      const expected = Array.from({ length: written - 1 }, (_, i) => i + 1)
      assert.deepEqual(revisions(ours()), expected)
      await watch.stop()
    },
  },
]

export const subscribeCases = [...toStreams, ...toAll]
