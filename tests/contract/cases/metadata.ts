import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import {
  StreamDeletedError,
  StreamNotFoundError,
  WrongExpectedVersionError,
} from '@eventstore/db-client'
import { bytesField, EMPTY, messageField } from '../../../src/protobuf.ts'
import { framed, proposed, rawCall, streamId, streams, uuid, withType } from '../support/raw.ts'
import {
  type ContractCase,
  collect,
  events,
  newStream,
  revisions,
  until,
} from '../support/target.ts'

/** The field of an append's options that says: any revision. */
const ANY = 4

const metadata: ContractCase[] = [
  {
    name: '$maxCount leaves the last events, both ways, and does not touch $all',
    run: async ({ client }) => {
      const stream = newStream()
      await client.appendToStream(stream, events(5))
      await client.setStreamMetadata(stream, { maxCount: 2 })
      assert.deepEqual(revisions(await collect(client.readStream(stream))), [3, 4])
      const options = { direction: 'backwards', fromRevision: 'end' } as const
      assert.deepEqual(revisions(await collect(client.readStream(stream, options))), [4, 3])
      const all = await collect(client.readAll())
      assert.equal(all.filter(({ event }) => event?.streamId === stream).length, 5)
      await client.appendToStream(stream, events(1))
      assert.deepEqual(revisions(await collect(client.readStream(stream))), [4, 5])
    },
  },
  {
    name: '$tb hides what is before it',
    run: async ({ client }) => {
      const stream = newStream()
      await client.appendToStream(stream, events(5))
      await client.setStreamMetadata(stream, { truncateBefore: 3 })
      assert.deepEqual(revisions(await collect(client.readStream(stream))), [3, 4])
      const options = { fromRevision: 1n, maxCount: 1 }
      assert.deepEqual(revisions(await collect(client.readStream(stream, options))), [3])
    },
  },
  {
    name: '$maxAge hides what is older, and does not touch $all',
    run: async ({ client }) => {
      const stream = newStream()
      await client.appendToStream(stream, events(2))
      await client.setStreamMetadata(stream, { maxAge: 3600 })
      assert.deepEqual(revisions(await collect(client.readStream(stream))), [0, 1])
      await client.setStreamMetadata(stream, { maxAge: 1 })
      await until(async () => (await collect(client.readStream(stream))).length === 0)
      const all = await collect(client.readAll())
      assert.equal(all.filter(({ event }) => event?.streamId === stream).length, 2)
    },
  },
  {
    name: 'a metadata stream shows its last event only',
    run: async ({ client }) => {
      const stream = newStream()
      await client.setStreamMetadata(stream, { maxCount: 1 })
      await client.setStreamMetadata(stream, { maxCount: 2, custom: 'kept' })
      assert.deepEqual(revisions(await collect(client.readStream(`$$${stream}`))), [1])
      const read = await client.getStreamMetadata(stream)
      assert.deepEqual(read.metadata, { maxCount: 2, custom: 'kept' })
      await assert.rejects(collect(client.readStream(stream)), StreamNotFoundError)
    },
  },
]

async function rejectsVersion(call: Promise<unknown>, expected: bigint, actual: bigint | string) {
  await assert.rejects(call, (error) => {
    assert(error instanceof WrongExpectedVersionError, String(error))
    assert.equal(error.expectedVersion, expected)
    assert.equal(error.actualVersion, actual)
    return true
  })
}

const deletes: ContractCase[] = [
  {
    name: 'a soft delete writes $tb into the metadata and answers its position',
    run: async ({ client }) => {
      const stream = newStream()
      await client.appendToStream(stream, events(2))
      const { position } = await client.deleteStream(stream, { expectedRevision: 1n })
      const [last] = await collect(
        client.readAll({ direction: 'backwards', fromPosition: 'end', maxCount: 1 }),
      )
      assert.equal(last?.event?.streamId, `$$${stream}`)
      assert.equal(last?.event?.type, '$metadata')
      assert.deepEqual(last?.event?.position, position)
      assert.deepEqual(last?.event?.data, JSON.parse('{"$tb":9223372036854775807}'))
    },
  },
  {
    name: 'an append after a soft delete goes on with the revisions, and the old ones stay hidden',
    run: async ({ client, url }) => {
      const stream = newStream()
      await client.appendToStream(stream, events(3))
      await client.deleteStream(stream)
      // The client would round the number.
      const deleted = bytesField(4, Buffer.from('{"$tb":9223372036854775807,"custom":"kept"}'))
      const body = framed(
        messageField(1, streamId(`$$${stream}`), messageField(ANY, EMPTY)),
        proposed(2, uuid(1, randomUUID()), ...withType('$metadata'), deleted),
      )
      await rawCall(url, streams('Append'), body)
      const options = { expectedRevision: 'no_stream' } as const
      const result = await client.appendToStream(stream, events(2), options)
      assert.equal(result.nextExpectedRevision, 4n)
      assert.deepEqual(revisions(await collect(client.readStream(stream))), [3, 4])
      const { metadata } = await client.getStreamMetadata(stream)
      assert.deepEqual(metadata, { truncateBefore: 3, custom: 'kept' })
    },
  },
  {
    name: 'a softly deleted stream goes on at its last revision too',
    run: async ({ client }) => {
      const stream = newStream()
      await client.appendToStream(stream, events(2))
      await client.deleteStream(stream)
      await client.appendToStream(stream, events(1), { expectedRevision: 1n })
      assert.deepEqual(revisions(await collect(client.readStream(stream))), [2])
    },
  },
  {
    name: 'answers the retry of an append that brought a deleted stream back',
    run: async ({ client }) => {
      const stream = newStream()
      await client.appendToStream(stream, events(2))
      await client.deleteStream(stream)
      const batch = events(2)
      const options = { expectedRevision: 'no_stream' } as const
      const first = await client.appendToStream(stream, batch, options)
      assert.deepEqual(await client.appendToStream(stream, batch, options), first)
      assert.deepEqual(revisions(await collect(client.readStream(stream))), [2, 3])
    },
  },
  {
    name: 'refuses to delete a stream that never was, or is at another revision',
    run: async ({ client }) => {
      const stream = newStream()
      await rejectsVersion(client.deleteStream(stream), -2n, 'no_stream')
      await client.appendToStream(stream, events(3))
      await rejectsVersion(client.deleteStream(stream, { expectedRevision: 0n }), 0n, 2n)
      assert.equal((await collect(client.readStream(stream))).length, 3)
    },
  },
  {
    name: 'refuses to set a tombstone at another revision',
    run: async ({ client }) => {
      const stream = newStream()
      await client.appendToStream(stream, events(3))
      await rejectsVersion(client.tombstoneStream(stream, { expectedRevision: 1n }), 1n, 2n)
      await rejectsVersion(
        client.tombstoneStream(stream, { expectedRevision: 'no_stream' }),
        -1n,
        2n,
      )
    },
  },
  {
    name: 'a tombstone is an event at the greatest revision, and the end of its stream',
    run: async ({ client }) => {
      const stream = newStream()
      await client.appendToStream(stream, events(1))
      const { position } = await client.tombstoneStream(stream, { expectedRevision: 0n })
      const [last] = await collect(
        client.readAll({ direction: 'backwards', fromPosition: 'end', maxCount: 1 }),
      )
      assert.equal(last?.event?.streamId, stream)
      assert.equal(last?.event?.type, '$streamDeleted')
      assert.equal(last?.event?.revision, 2n ** 63n - 1n)
      assert.deepEqual(last?.event?.position, position)
      for (const call of [client.tombstoneStream(stream), client.deleteStream(stream)]) {
        await assert.rejects(call, (error) => {
          assert(error instanceof StreamDeletedError, String(error))
          assert.equal(error.streamName, stream)
          return true
        })
      }
      await assert.rejects(client.setStreamMetadata(stream, {}), StreamDeletedError)
    },
  },
]

export const metadataCases = [...metadata, ...deletes]
