import assert from 'node:assert/strict'
import { WrongExpectedVersionError } from '@eventstore/db-client'
import { type ContractCase, collect, events, newStream, revisions } from '../support/target.ts'

export const appendCases: ContractCase[] = [
  {
    name: 'answers the revision and the position of the last event',
    run: async ({ client }) => {
      const stream = newStream()
      const result = await client.appendToStream(stream, events(3), {
        expectedRevision: 'no_stream',
      })
      assert.equal(result.nextExpectedRevision, 2n)
      const read = await collect(client.readStream(stream))
      assert.deepEqual(read.at(-1)?.event?.position, result.position)
      assert.deepEqual(revisions(read), [0n, 1n, 2n])
    },
  },
  {
    name: 'refuses another revision than the expected one, and writes nothing',
    run: async ({ client }) => {
      const stream = newStream()
      await client.appendToStream(stream, events(3))
      const append = client.appendToStream(stream, events(1), { expectedRevision: 1n })
      await assert.rejects(append, (error) => {
        assert(error instanceof WrongExpectedVersionError)
        assert.equal(error.expectedVersion, 1n)
        assert.equal(error.actualVersion, 2n)
        return true
      })
      assert.equal((await collect(client.readStream(stream))).length, 3)
    },
  },
  {
    name: 'answers a retry with the expected revision as it did at first',
    run: async ({ client }) => {
      const stream = newStream()
      const batch = events(2)
      const first = await client.appendToStream(stream, batch, { expectedRevision: 'no_stream' })
      await client.appendToStream(stream, events(1), { expectedRevision: 1n })
      const again = await client.appendToStream(stream, batch, { expectedRevision: 'no_stream' })
      assert.deepEqual(again, first)
      assert.equal((await collect(client.readStream(stream))).length, 3)
    },
  },
]
