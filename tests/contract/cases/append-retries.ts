import assert from 'node:assert/strict'
import { type ContractCase, events, newStream } from '../support/target.ts'
import { lengthOf, refused, type Way } from '../support/ways.ts'

export function retries(way: Way): ContractCase[] {
  return [
    {
      name: 'answers the retry of an expected revision as it did at first',
      run: async ({ client }) => {
        const stream = newStream()
        const batch = events(3)
        await client.appendToStream(stream, events(2), way)
        const options = { expectedRevision: 1n, ...way } as const
        const first = await client.appendToStream(stream, batch, options)
        await client.appendToStream(stream, events(1), way)
        assert.deepEqual(await client.appendToStream(stream, batch, options), first)
        assert.equal(await lengthOf(client, stream), 6)
      },
    },
    {
      name: 'answers the retry of no_stream as it did at first',
      run: async ({ client }) => {
        const stream = newStream()
        const batch = events(2)
        const options = { expectedRevision: 'no_stream', ...way } as const
        const first = await client.appendToStream(stream, batch, options)
        await client.appendToStream(stream, events(1), way)
        assert.deepEqual(await client.appendToStream(stream, batch, options), first)
        assert.equal(await lengthOf(client, stream), 3)
      },
    },
    {
      name: 'refuses a retry that has one event more, or another one',
      run: async ({ client }) => {
        const stream = newStream()
        const batch = events(2)
        const options = { expectedRevision: 'no_stream', ...way } as const
        await client.appendToStream(stream, batch, options)
        const longer = client.appendToStream(stream, [...batch, ...events(1)], options)
        await refused(longer, 'no_stream', 1n)
        const other = client.appendToStream(stream, [...batch.slice(0, 1), ...events(1)], options)
        await refused(other, 'no_stream', 1n)
        assert.equal(await lengthOf(client, stream), 2)
      },
    },
    {
      name: 'writes again what is expected at the current revision, though it knows the ids',
      run: async ({ client }) => {
        const stream = newStream()
        const batch = events(1)
        await client.appendToStream(stream, batch, { expectedRevision: 'no_stream', ...way })
        await client.appendToStream(stream, batch, { expectedRevision: 0n, ...way })
        assert.equal(await lengthOf(client, stream), 2)
      },
    },
    ...(['any', 'stream_exists'] as const).flatMap((expectedRevision): ContractCase[] => [
      {
        name: `knows the ids of a retry with ${expectedRevision}`,
        run: async ({ client }) => {
          const stream = newStream()
          const batch = events(2)
          await client.appendToStream(stream, events(1), way)
          const options = { expectedRevision, ...way }
          const first = await client.appendToStream(stream, batch, options)
          await client.appendToStream(stream, events(1), way)
          assert.deepEqual(await client.appendToStream(stream, batch, options), first)
          assert.equal(await lengthOf(client, stream), 4)
        },
      },
      {
        name: `refuses known ids mixed with new ones with ${expectedRevision}`,
        run: async ({ client }) => {
          const stream = newStream()
          const batch = events(1)
          await client.appendToStream(stream, batch, way)
          const append = client.appendToStream(stream, [...batch, ...events(1)], {
            expectedRevision,
            ...way,
          })
          await refused(append, expectedRevision, 0n)
          assert.equal(await lengthOf(client, stream), 1)
        },
      },
    ]),
    {
      name: 'takes the same id in another stream for another event',
      run: async ({ client }) => {
        const [one, other] = [newStream(), newStream()]
        const batch = events(1)
        await client.appendToStream(one, batch, way)
        await client.appendToStream(other, batch, way)
        assert.equal(await lengthOf(client, other), 1)
      },
    },
  ]
}
