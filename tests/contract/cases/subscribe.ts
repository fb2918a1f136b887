import assert from 'node:assert/strict'
import {
  type Filter,
  type Position,
  StreamDeletedError,
  streamNameFilter,
} from '@eventstore/db-client'
import {
  type ContractCase,
  collect,
  events,
  newStream,
  revisions,
  type Target,
  until,
  Watch,
} from '../support/target.ts'

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

/** Subscribes from a position with a filter, and notes events and checkpoints in order. */
function filtered(
  { client }: Target,
  fromPosition: Position,
  filter: Partial<Filter> & { prefixes?: string[]; regex?: string },
) {
  const positions: bigint[] = []
  const watch: Watch = new Watch(
    client.subscribeToAll({
      fromPosition,
      filter: {
        filterOn: 'streamName',
        checkpointInterval: 1,
        ...filter,
        checkpointReached: async (_, position) => {
          positions.push(position.commit)
          watch.told.push('checkpoint')
        },
      } as Filter,
    }),
  )
  return { watch, positions }
}

async function anchor({ client }: Target): Promise<Position> {
  const { position } = await client.appendToStream(newStream('anchor'), events(1))
  assert(position !== undefined)
  return position
}

const filters: [
  string,
  (name: string) => Partial<Filter> & { prefixes?: string[]; regex?: string },
][] = [
  ['a prefix of the stream', (name) => ({ filterOn: 'streamName', prefixes: ['nothing', name] })],
  [
    'a regex on the stream',
    (name) => ({ filterOn: 'streamName', regex: `^${name.slice(0, 12)}.*$` }),
  ],
  ['a prefix of the type', () => ({ filterOn: 'eventType', prefixes: ['Sam'] })],
  ['a regex on the type', () => ({ filterOn: 'eventType', regex: '^[^$]a.pled$' })],
]

const withFilters: ContractCase[] = [
  ...filters.map(
    ([name, filter]): ContractCase => ({
      name: `gives only what matches ${name}`,
      run: async (target) => {
        const from = await anchor(target)
        const stream = newStream(`f${Date.now()}`)
        const other = newStream('other')
        const unlike = events(1).map((event) => ({ ...event, type: 'Else' }))
        await target.client.appendToStream(other, unlike)
        await target.client.appendToStream(stream, events(2))
        const { watch } = filtered(target, from, filter(stream))
        await watch.caughtUp()
        await target.client.appendToStream(other, unlike)
        await target.client.appendToStream(stream, events(1))
        await until(() => watch.events.length >= 3)
        assert.deepEqual(
          watch.events.map(({ event }) => `${event?.streamId}/${event?.revision}`),
          [0, 1, 2].map((revision) => `${stream}/${revision}`),
        )
        await watch.stop()
      },
    }),
  ),
  {
    name: 'tells a checkpoint each so many considered events, after the event, and before going live',
    run: async (target) => {
      const from = await anchor(target)
      const stream = newStream()
      await target.client.appendToStream(stream, events(7))
      const { watch, positions } = filtered(target, from, {
        prefixes: [stream],
        maxSearchWindow: 3,
        checkpointInterval: 1,
      })
      await watch.caughtUp()
      const expected = ['confirmed', '0', '1', '2', 'checkpoint', '3', '4', '5', 'checkpoint', '6']
      assert.deepEqual(watch.told, [...expected, 'checkpoint', 'caught up'])
      const places = watch.events.map(({ event }) => event?.position?.commit)
      assert.deepEqual(positions, [places[2], places[5], places[6]])
      await watch.stop()
    },
  },
  {
    name: 'counts events that do not match, multiplies, and says no checkpoint twice',
    run: async (target) => {
      const from = await anchor(target)
      const other = newStream('other')
      await target.client.appendToStream(other, events(8))
      const options = { prefixes: ['none-'], maxSearchWindow: 2, checkpointInterval: 2 }
      const { watch, positions } = filtered(target, from, options)
      await watch.caughtUp()
      const read = await collect(target.client.readStream(other))
      const places = read.map(({ event }) => event?.position?.commit)
      assert.deepEqual(positions, [places[3], places[7]])
      assert.deepEqual(watch.told, ['confirmed', 'checkpoint', 'checkpoint', 'caught up'])
      await watch.stop()
    },
  },
  {
    name: 'takes 32 for the search window where none is given, live too',
    run: async (target) => {
      const from = await anchor(target)
      const { watch, positions } = filtered(target, from, { prefixes: ['none-'] })
      await watch.caughtUp()
      const stream = newStream()
      await target.client.appendToStream(stream, events(40))
      await watch.has('checkpoint')
      const read = await collect(target.client.readStream(stream))
      assert.deepEqual(positions, [read[31]?.event?.position?.commit])
      await watch.stop()
    },
  },
  {
    name: 'refuses a regex that backtracks for ever, and serves the others meanwhile',
    run: async (target) => {
      const from = await anchor(target)
      await target.client.appendToStream(`${'a'.repeat(60)}!${newStream()}`, events(1))
      const { watch } = filtered(target, from, { regex: '^(a+)+$' })
      const other = newStream()
      await target.client.appendToStream(other, events(1))
      assert.equal((await collect(target.client.readStream(other))).length, 1)
      await watch.stop()
    },
  },
  {
    name: 'lets system events be left out',
    run: async (target) => {
      const from = await anchor(target)
      const stream = newStream()
      await target.client.appendToStream(stream, events(1))
      await target.client.setStreamMetadata(stream, { maxCount: 9 })
      const filter = streamNameFilter({ regex: '^[^$].*' })
      const watch = new Watch(target.client.subscribeToAll({ fromPosition: from, filter }))
      await watch.caughtUp()
      assert.deepEqual(
        watch.events.map(({ event }) => event?.streamId),
        [stream],
      )
      await watch.stop()
    },
  },
]

export const subscribeCases = [...toStreams, ...toAll, ...withFilters]
