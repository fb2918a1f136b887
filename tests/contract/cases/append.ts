import assert from 'node:assert/strict'
import {
  type AppendExpectedRevision,
  binaryEvent,
  jsonEvent,
  MaxAppendSizeExceededError,
  StreamDeletedError,
} from '@eventstore/db-client'
import {
  type ContractCase,
  collect,
  events,
  newStream,
  numberOf,
  revisions,
} from '../support/target.ts'
import { lengthOf, refused, type Way, ways } from '../support/ways.ts'
import { retries } from './append-retries.ts'

/** Appends must do the same whichever way they come. */
export const appendCases: ContractCase[] = Object.entries(ways).flatMap(([way, options]) =>
  [...expectations(options), ...retries(options), ...limits(options)].map(({ name, run }) => ({
    name: `${name} (${way})`,
    run,
  })),
)

function expectations(way: Way): ContractCase[] {
  const refusal = (
    name: string,
    expectedRevision: AppendExpectedRevision,
    existing: number,
    actual: bigint | string,
  ): ContractCase => ({
    name: `refuses ${name}, and writes nothing`,
    run: async ({ client }) => {
      const stream = newStream()
      if (existing > 0) await client.appendToStream(stream, events(existing), way)
      const append = client.appendToStream(stream, events(1), { expectedRevision, ...way })
      await refused(append, expectedRevision, actual)
      if (existing > 0) assert.equal(await lengthOf(client, stream), existing)
    },
  })
  return [
    {
      name: 'answers the revision and the position of the last event',
      run: async ({ client }) => {
        const stream = newStream()
        const options = { expectedRevision: 'no_stream', ...way } as const
        const result = await client.appendToStream(stream, events(3), options)
        assert.equal(result.success, true)
        assert.equal(result.nextExpectedRevision, 2n)
        const read = await collect(client.readStream(stream))
        assert.deepEqual(read.at(-1)?.event?.position, result.position)
        assert.deepEqual(
          read.map(({ event }) => event?.data),
          [{ n: 0 }, { n: 1 }, { n: 2 }],
        )
      },
    },
    {
      name: 'goes on at the expected revision, and where any will do',
      run: async ({ client }) => {
        const stream = newStream()
        await client.appendToStream(stream, events(2), way)
        await client.appendToStream(stream, events(1, 2), { expectedRevision: 1n, ...way })
        await client.appendToStream(stream, events(1, 3), {
          expectedRevision: 'stream_exists',
          ...way,
        })
        const read = await collect(client.readStream(stream))
        assert.deepEqual(
          read.map(({ event }) => event?.data),
          [0, 1, 2, 3].map((n) => ({ n })),
        )
      },
    },
    {
      name: 'writes appends in the order in which they were asked for',
      run: async ({ client }) => {
        const stream = newStream()
        await client.appendToStream(stream, events(1), way)
        const appends = Array.from({ length: 20 }, (_, i) =>
          client.appendToStream(stream, events(1, i + 1), way),
        )
        await Promise.all(appends)
        const read = await collect(client.readStream(stream))
        const numbers = read.map(({ event }) => numberOf(event))
        assert.deepEqual(
          numbers,
          Array.from({ length: 21 }, (_, i) => i),
        )
      },
    },
    refusal('a revision below the current one', 0n, 3, 2n),
    refusal('a revision above the current one', 5n, 3, 2n),
    refusal('a revision of a stream that is not there', 0n, 0, 'no_stream'),
    refusal('no_stream where there is one', 'no_stream', 1, 0n),
    refusal('stream_exists where there is none', 'stream_exists', 0, 'no_stream'),
    {
      name: 'takes a metadata stream for the stream, where one must exist',
      run: async ({ client }) => {
        const stream = newStream()
        await client.setStreamMetadata(stream, { maxCount: 10 })
        await client.appendToStream(stream, events(1), {
          expectedRevision: 'stream_exists',
          ...way,
        })
        assert.equal(await lengthOf(client, stream), 1)
      },
    },
    {
      name: 'refuses a stream with a tombstone',
      run: async ({ client }) => {
        const stream = newStream()
        await client.appendToStream(stream, events(1), way)
        await client.tombstoneStream(stream)
        await assert.rejects(client.appendToStream(stream, events(1), way), (error) => {
          assert(error instanceof StreamDeletedError, String(error))
          assert.equal(error.streamName, stream)
          return true
        })
      },
    },
    {
      name: 'refuses a softly deleted stream where it must exist',
      run: async ({ client }) => {
        const stream = newStream()
        await client.appendToStream(stream, events(1), way)
        await client.deleteStream(stream)
        const options = { expectedRevision: 'stream_exists', ...way } as const
        const append = client.appendToStream(stream, events(1), options)
        await assert.rejects(append, StreamDeletedError)
      },
    },
  ]
}

const LIMIT = 1024 * 1024

function limits(way: Way): ContractCase[] {
  const blob = (bytes: number) => {
    const type = 'Blob'
    const data = new Uint8Array(bytes - 2 * type.length)
    return binaryEvent({ type, data })
  }
  return [
    {
      name: 'takes 1 MiB, counting data and twice the type, and not a byte more',
      run: async ({ client }) => {
        const stream = newStream()
        await client.appendToStream(stream, blob(LIMIT), way)
        const append = client.appendToStream(stream, blob(LIMIT + 1), way)
        await assert.rejects(append, (error) => {
          assert(error instanceof MaxAppendSizeExceededError, String(error))
          assert.equal(error.maxAppendSize, LIMIT)
          return true
        })
        assert.deepEqual(revisions(await collect(client.readStream(stream))), [0])
      },
    },
    {
      name: 'counts the metadata, and the events of an append together: all or none',
      run: async ({ client }) => {
        const stream = newStream()
        const half = jsonEvent({ type: 'T', data: {}, metadata: { m: 'x'.repeat(LIMIT / 2) } })
        const append = client.appendToStream(stream, [half, blob(LIMIT / 2)], way)
        await assert.rejects(append, MaxAppendSizeExceededError)
        const exists = client.appendToStream(stream, events(1), { expectedRevision: 0n, ...way })
        await refused(exists, 0n, 'no_stream')
      },
    },
    {
      name: 'keeps a large append whole though it comes in many messages',
      run: async ({ client }) => {
        const stream = newStream()
        const options = { batchAppendSize: 2000, ...way }
        const result = await client.appendToStream(stream, events(300), options)
        assert.equal(result.nextExpectedRevision, 299n)
        const read = await collect(client.readStream(stream))
        assert.deepEqual(
          revisions(read),
          Array.from({ length: 300 }, (_, i) => i),
        )
      },
    },
  ]
}
