import assert from 'node:assert/strict'
import { type Filter, type Position, streamNameFilter } from '@eventstore/db-client'
import {
  type ContractCase,
  collect,
  events,
  newStream,
  type Target,
  until,
  Watch,
} from '../support/target.ts'

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

export const filterCases: ContractCase[] = [
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
