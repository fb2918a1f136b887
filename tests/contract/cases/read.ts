import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import {
  type AllStreamResolvedEvent,
  binaryEvent,
  jsonEvent,
  StreamDeletedError,
  StreamNotFoundError,
} from '@eventstore/db-client'
import {
  bytesOf,
  type ContractCase,
  collect,
  events,
  newStream,
  numberOf,
  revisions,
} from '../support/target.ts'

const positions = (read: readonly AllStreamResolvedEvent[]) =>
  read.map(({ event }) => event?.position.commit ?? 0n)

const encodings: ContractCase[] = [
  {
    name: 'gives back JSON and bytes, metadata, type and id as they were given',
    run: async ({ client }) => {
      const stream = newStream()
      const [one, other] = [randomUUID(), randomUUID()]
      await client.appendToStream(stream, [
        jsonEvent({ id: one, type: 'Ünicode ✓', data: { ü: '✓' }, metadata: { m: [1] } }),
        binaryEvent({
          id: other,
          type: 'Bytes',
          data: Buffer.from([0, 255]),
          metadata: Buffer.from([1, 0]),
        }),
      ])
      const [json, bytes] = (await collect(client.readStream(stream))).map(({ event }) => event)
      assert.equal(json?.id, one)
      assert.equal(json?.type, 'Ünicode ✓')
      assert.deepEqual(json?.data, { ü: '✓' })
      assert.deepEqual(json?.metadata, { m: [1] })
      assert.equal(json?.isJson, true)
      assert.equal(bytes?.id, other)
      assert.deepEqual([...bytesOf(bytes?.data)], [0, 255])
      assert.deepEqual([...bytesOf(bytes?.metadata)], [1, 0])
      assert.equal(bytes?.isJson, false)
    },
  },
  {
    name: 'takes any bytes for the name of a stream',
    run: async ({ client }) => {
      const stream = newStream('wörld ✓ 世界')
      await client.appendToStream(stream, events(1))
      const [read] = await collect(client.readStream(stream))
      assert.equal(read?.event?.streamId, stream)
    },
  },
  {
    name: 'says when an event was written',
    run: async ({ client }) => {
      const stream = newStream()
      await client.appendToStream(stream, events(1))
      const [read] = await collect(client.readStream(stream))
      const day = 24 * 3600 * 1000
      assert(Math.abs(Number(read?.event?.created) - Date.now()) < day)
    },
  },
]

const ofStreams: ContractCase[] = [
  {
    name: 'reads a stream both ways from a revision, inclusive, up to a count',
    run: async ({ client }) => {
      const stream = newStream()
      await client.appendToStream(stream, events(10))
      const read = async (options: object) =>
        revisions(await collect(client.readStream(stream, options)))
      assert.deepEqual(await read({ fromRevision: 7n }), [7, 8, 9])
      assert.deepEqual(await read({ fromRevision: 3n, maxCount: 2 }), [3, 4])
      assert.deepEqual(await read({ fromRevision: 2n, direction: 'backwards' }), [2, 1, 0])
      assert.deepEqual(
        await read({ fromRevision: 'end', direction: 'backwards', maxCount: 2 }),
        [9, 8],
      )
      assert.deepEqual(await read({ fromRevision: 'start', direction: 'backwards' }), [0])
    },
  },
  {
    name: 'gives nothing beyond the end of a stream, and all before it backwards',
    run: async ({ client }) => {
      const stream = newStream()
      await client.appendToStream(stream, events(2))
      assert.deepEqual(await collect(client.readStream(stream, { fromRevision: 2n })), [])
      const back = client.readStream(stream, { fromRevision: 100n, direction: 'backwards' })
      assert.deepEqual(revisions(await collect(back)), [1, 0])
    },
  },
  {
    name: 'says that a stream is not there',
    run: async ({ client }) => {
      const stream = newStream()
      await assert.rejects(collect(client.readStream(stream)), (error) => {
        assert(error instanceof StreamNotFoundError, String(error))
        assert.equal(error.streamName, stream)
        return true
      })
    },
  },
  {
    name: 'says that a softly deleted stream is not there, and that one with a tombstone is deleted',
    run: async ({ client }) => {
      const stream = newStream()
      await client.appendToStream(stream, events(2))
      await client.deleteStream(stream)
      await assert.rejects(collect(client.readStream(stream)), StreamNotFoundError)
      await client.tombstoneStream(stream)
      await assert.rejects(collect(client.readStream(stream)), StreamDeletedError)
    },
  },
  {
    name: 'reads thousands of events in order, both ways',
    run: async ({ client }) => {
      const stream = newStream()
      const padding = 'x'.repeat(300)
      for (let first = 0; first < 3000; first += 500) {
        const batch = events(500, first).map((event) => ({ ...event, metadata: { padding } }))
        await client.appendToStream(stream, batch)
      }
      const forwards = await collect(client.readStream(stream))
      const expected = Array.from({ length: 3000 }, (_, i) => i)
      assert.deepEqual(revisions(forwards), expected)
      assert.deepEqual(
        forwards.map(({ event }) => numberOf(event)),
        expected,
      )
      const options = { direction: 'backwards', fromRevision: 'end' } as const
      const backwards = await collect(client.readStream(stream, options))
      assert.deepEqual(revisions(backwards), expected.reverse())
    },
  },
]

const SIZES = [10, 400_000, 20_000, 8184, 1, 8185, 300_000]

const ofSizes: ContractCase[] = (['forwards', 'backwards'] as const).map((direction) => ({
  name: `reads long and short events ${direction}`,
  run: async ({ client }) => {
    const stream = newStream()
    for (const size of SIZES) {
      const data = new Uint8Array(size).fill(size)
      await client.appendToStream(stream, binaryEvent({ type: 'Sized', data }))
    }
    const fromRevision = direction === 'forwards' ? 'start' : 'end'
    const read = await collect(client.readStream(stream, { direction, fromRevision }))
    const sizes = read.map(({ event }) => bytesOf(event?.data).length)
    assert.deepEqual(sizes, direction === 'forwards' ? SIZES : SIZES.toReversed())
  },
}))

const ofAll: ContractCase[] = [
  {
    name: 'has one growing position above 0 for each event, in the order of the appends',
    run: async ({ client }) => {
      const streams = [newStream(), newStream(), newStream()]
      for (const stream of streams) await client.appendToStream(stream, events(2))
      const read = await collect(client.readAll())
      const ours = read.filter(({ event }) => streams.includes(event?.streamId ?? ''))
      assert.deepEqual(
        ours.map(({ event }) => `${streams.indexOf(event?.streamId ?? '')}/${event?.revision}`),
        ['0/0', '0/1', '1/0', '1/1', '2/0', '2/1'],
      )
      const places = positions(read)
      assert(places.every((place, i) => place > (places[i - 1] ?? 0n)))
      assert(read.every(({ event }) => event?.position.commit === event?.position.prepare))
      assert(read.every(({ event, commitPosition }) => commitPosition === event?.position.commit))
    },
  },
  {
    name: 'reads $all forwards from a position, inclusive',
    run: async ({ client }) => {
      await client.appendToStream(newStream(), events(3))
      const all = positions(await collect(client.readAll()))
      for (const from of [all.at(-3) ?? 0n, all.at(-1) ?? 0n]) {
        const fromPosition = { commit: from, prepare: from }
        const read = positions(await collect(client.readAll({ fromPosition })))
        assert.deepEqual(read, all.slice(all.indexOf(from)))
      }
      const two = await collect(client.readAll({ maxCount: 2 }))
      assert.deepEqual(positions(two), all.slice(0, 2))
    },
  },
  {
    name: 'reads $all backwards from a position, exclusive',
    run: async ({ client }) => {
      await client.appendToStream(newStream(), events(3))
      const all = positions(await collect(client.readAll()))
      const backwards = { direction: 'backwards' } as const
      const whole = await collect(client.readAll({ fromPosition: 'end', ...backwards }))
      assert.deepEqual(positions(whole).reverse(), all)
      const from = all.at(-2) ?? 0n
      const fromPosition = { commit: from, prepare: from }
      const read = await collect(client.readAll({ fromPosition, maxCount: 2, ...backwards }))
      assert.deepEqual(positions(read), [all.at(-3), all.at(-4)])
      assert.deepEqual(await collect(client.readAll({ fromPosition: 'start', ...backwards })), [])
    },
  },
  {
    name: 'has an event of its own from the start',
    run: async ({ client }) => {
      const [first] = await collect(client.readAll({ maxCount: 1 }))
      assert(first?.event?.streamId.startsWith('$'))
    },
  },
]

const ofLinks: ContractCase[] = [
  {
    name: 'resolves links when asked to, and gives the link too',
    run: async ({ client }) => {
      const [stream, links] = [newStream(), newStream('links')]
      await client.appendToStream(stream, events(3))
      await client.appendToStream(
        links,
        binaryEvent({ type: '$>', data: Buffer.from(`1@${stream}`) }),
      )
      const [resolved] = await collect(client.readStream(links, { resolveLinkTos: true }))
      assert.equal(resolved?.event?.streamId, stream)
      assert.equal(resolved?.event?.revision, 1n)
      assert.equal(resolved?.link?.streamId, links)
      assert.equal(resolved?.commitPosition, resolved?.link?.position?.commit)
      const [plain] = await collect(client.readStream(links))
      assert.equal(plain?.event?.type, '$>')
      assert.equal(plain?.link, undefined)
    },
  },
  {
    name: 'gives a link alone whose event is gone',
    run: async ({ client }) => {
      const [stream, links] = [newStream(), newStream('links')]
      await client.appendToStream(stream, events(1))
      const link = (data: string) => binaryEvent({ type: '$>', data: Buffer.from(data) })
      await client.appendToStream(links, [
        link(`0@${stream}`),
        link(`7@${stream}`),
        link('nonsense'),
      ])
      await client.deleteStream(stream)
      const read = await collect(client.readStream(links, { resolveLinkTos: true }))
      assert.deepEqual(
        read.map(({ event }) => event),
        [undefined, undefined, undefined],
      )
      assert.deepEqual(
        read.map(({ link }) => Number(link?.revision)),
        [0, 1, 2],
      )
    },
  },
]

export const readCases = [...encodings, ...ofStreams, ...ofSizes, ...ofAll, ...ofLinks]
