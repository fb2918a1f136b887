import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { connect } from 'node:http2'
import { EventStoreDBClient } from '@eventstore/db-client'
import { EMPTY, messageField, uintField } from '../../../src/protobuf.ts'
import {
  count,
  dig,
  fieldsOf,
  framed,
  idsAsStrings,
  idsAsStructures,
  proposed,
  rawCall,
  readRequest,
  streamId,
  streams,
  typed,
  uuid,
} from '../support/raw.ts'
import { type ContractCase, collect, events, newStream, revisions } from '../support/target.ts'

const FEATURES = '/event_store.client.server_features.ServerFeatures/GetSupportedMethods'
const ANY = 4
const STREAM_EXISTS = 5

const connection: ContractCase[] = [
  {
    name: 'lists its methods, batchappend among them, and a version',
    run: async ({ url }) => {
      const { messages, trailers } = await rawCall(url, FEATURES, framed(EMPTY))
      assert.equal(trailers['grpc-status'], '0')
      const [message] = messages
      assert(message !== undefined)
      const methods = (fieldsOf(message).get(1) ?? []).map((method) => {
        assert(Buffer.isBuffer(method))
        const features = (fieldsOf(method).get(3) ?? []).map(String)
        return [String(dig(method, 2)), String(dig(method, 1)), ...features].join(' ')
      })
      const service = 'event_store.client.streams.streams'
      for (const method of ['append', 'batchappend', 'delete', 'tombstone']) {
        assert(
          methods.some((line) => line.startsWith(`${service} ${method}`)),
          method,
        )
      }
      assert(
        methods.some((line) => line.startsWith(`${service} read `) && line.includes('position')),
      )
      assert.match(String(dig(message, 2)), /^\d+\.\d+/)
    },
  },
  {
    name: 'says clearly that it does not implement a method',
    run: async ({ url }) => {
      const { trailers } = await rawCall(url, streams('Nothing'), framed(EMPTY))
      assert.equal(trailers['grpc-status'], '12')
    },
  },
  {
    name: 'is found by clients that discover a cluster',
    run: async ({ url }) => {
      const { host } = new URL(url.replace(/^esdb/, 'http'))
      const client = EventStoreDBClient.connectionString(`esdb+discover://${host}?tls=false`)
      const stream = newStream()
      await client.appendToStream(stream, events(1))
      assert.deepEqual(revisions(await collect(client.readStream(stream))), [0])
      await client.dispose()
    },
  },
  {
    name: 'answers a ping',
    run: async ({ url }) => {
      const session = connect(url.replace(/^esdb/, 'http').replace(/\?.*/, ''))
      await new Promise<void>((resolve, reject) => {
        session.on('error', reject)
        session.on('connect', () => {
          session.ping((error) => (error === null ? resolve() : reject(error)))
        })
      })
      session.destroy()
    },
  },
]

const ids: ContractCase[] = [
  {
    name: 'gives ids as text or as structures, as asked',
    run: async ({ client, url }) => {
      const stream = newStream()
      const [event] = events(1)
      await client.appendToStream(stream, event ?? [])
      const read = async (form: Buffer) => {
        const { messages } = await rawCall(
          url,
          streams('Read'),
          readRequest(stream, count(1), form),
        )
        return dig(messages.at(-1) ?? EMPTY, 1, 1, 1)
      }
      const text = await read(idsAsStrings)
      assert(Buffer.isBuffer(text))
      assert.equal(String(dig(text, 2)), event?.id)
      const structured = await read(idsAsStructures)
      assert(Buffer.isBuffer(structured))
      assert(Buffer.isBuffer(dig(structured, 1)))
      assert.equal(dig(structured, 2), undefined)
    },
  },
  {
    name: 'takes structured ids',
    run: async ({ client, url }) => {
      const stream = newStream()
      const structured = messageField(1, messageField(1, uintField(1, 1), uintField(2, 2)))
      const body = framed(
        messageField(1, streamId(stream), messageField(ANY, EMPTY)),
        proposed(2, structured, ...typed),
      )
      const { trailers } = await rawCall(url, streams('Append'), body)
      assert.equal(trailers['grpc-status'], '0')
      const [read] = await collect(client.readStream(stream))
      assert.equal(read?.event?.id, '00000000-0000-0001-0000-000000000002')
    },
  },
  {
    name: 'refuses a read that does not say how it wants its ids',
    run: async ({ url }) => {
      const { trailers } = await rawCall(url, streams('Read'), readRequest(newStream(), count(1)))
      assert.equal(trailers['grpc-status'], '3')
    },
  },
]

const append: ContractCase[] = [
  {
    name: 'reports a wrong version of a plain append in the response, for old clients too',
    run: async ({ client, url }) => {
      const stream = newStream()
      await client.appendToStream(stream, events(3))
      const body = framed(
        messageField(1, streamId(stream), uintField(2, 7)),
        proposed(2, uuid(1, randomUUID()), ...typed),
      )
      const { messages, trailers } = await rawCall(url, streams('Append'), body)
      assert.equal(trailers['grpc-status'], '0')
      const wrong = dig(messages[0] ?? EMPTY, 2)
      assert(Buffer.isBuffer(wrong))
      const [old, oldExpected, current, expected] = [1, 3, 6, 8].map((field) => dig(wrong, field))
      assert.deepEqual(
        { old, oldExpected, current, expected },
        {
          old: 2,
          oldExpected: 7,
          current: 2,
          expected: 7,
        },
      )
    },
  },
  {
    name: 'refuses an event without a type, and says which property is missing',
    run: async ({ url }) => {
      const body = framed(
        messageField(1, streamId(newStream()), messageField(ANY, EMPTY)),
        proposed(2, uuid(1, randomUUID())),
      )
      const { trailers } = await rawCall(url, streams('Append'), body)
      assert.equal(trailers['grpc-status'], '3')
      assert.equal(trailers['exception'], 'missing-required-metadata-property')
    },
  },
  {
    name: 'refuses an id that is none',
    run: async ({ url }) => {
      const body = framed(
        messageField(1, streamId(newStream()), messageField(ANY, EMPTY)),
        proposed(2, uuid(1, 'not an id'), ...typed),
      )
      const { trailers } = await rawCall(url, streams('Append'), body)
      assert.equal(trailers['grpc-status'], '3')
    },
  },
]

/** A DeleteReq or TombstoneReq with its expected revision as a field. */
const removal = (stream: string, expected: Buffer) =>
  framed(messageField(1, streamId(stream), expected))

const removals: ContractCase[] = [
  {
    name: 'says in the trailers of a delete what was expected, and what is there',
    run: async ({ client, url }) => {
      const [empty, three] = [newStream(), newStream()]
      await client.appendToStream(three, events(3))
      for (const [stream, field, expected, actual] of [
        [empty, messageField(ANY, EMPTY), '-2', undefined],
        [empty, messageField(STREAM_EXISTS, EMPTY), '-4', undefined],
        [empty, uintField(2, 7), '7', undefined],
        [three, uintField(2, 7), '7', '2'],
      ] as const) {
        const { trailers } = await rawCall(url, streams('Delete'), removal(stream, field))
        assert.equal(trailers['grpc-status'], '9')
        assert.equal(trailers['exception'], 'wrong-expected-version')
        assert.equal(trailers['stream-name'], stream)
        assert.equal(trailers['expected-version'], expected)
        assert.equal(trailers['actual-version'], actual)
      }
    },
  },
  {
    name: 'says in the trailers of any call that its stream has a tombstone',
    run: async ({ client, url }) => {
      const stream = newStream()
      await client.appendToStream(stream, events(1))
      await client.tombstoneStream(stream)
      const options = messageField(1, streamId(stream), messageField(ANY, EMPTY))
      for (const [method, body] of [
        ['Append', framed(options, proposed(2, uuid(1, randomUUID()), ...typed))],
        ['Delete', framed(options)],
        ['Tombstone', framed(options)],
        ['Read', readRequest(stream, count(1), idsAsStrings)],
      ] as const) {
        const { trailers } = await rawCall(url, streams(method), body)
        assert.equal(trailers['grpc-status'], '9', method)
        assert.equal(trailers['exception'], 'stream-deleted', method)
        assert.equal(trailers['stream-name'], stream, method)
      }
    },
  },
]

const headers: ContractCase[] = [
  {
    name: 'writes nothing for a call whose grpc-timeout has passed',
    run: async ({ client, url }) => {
      const stream = newStream()
      await client.appendToStream(stream, events(1))
      const options = messageField(1, streamId(stream), messageField(ANY, EMPTY))
      for (const [method, body] of [
        ['Append', framed(options, proposed(2, uuid(1, randomUUID()), ...typed))],
        ['Delete', framed(options)],
        ['Tombstone', framed(options)],
      ] as const) {
        const passed = { 'grpc-timeout': '0m' }
        const { trailers } = await rawCall(url, streams(method), body, passed)
        assert.equal(trailers['grpc-status'], '4', method)
      }
      assert.deepEqual(revisions(await collect(client.readStream(stream))), [0])
    },
  },
  {
    name: 'serves calls that ask for the leader, or for more time than there is',
    run: async ({ client, url }) => {
      const stream = newStream()
      const body = framed(
        messageField(1, streamId(stream), messageField(ANY, EMPTY)),
        proposed(2, uuid(1, randomUUID()), ...typed),
      )
      const asked = { 'requires-leader': 'true', 'grpc-timeout': '99999999H' }
      const { trailers } = await rawCall(url, streams('Append'), body, asked)
      assert.equal(trailers['grpc-status'], '0')
      assert.deepEqual(revisions(await collect(client.readStream(stream))), [0])
    },
  },
]

export const wireCases = [...connection, ...headers, ...ids, ...append, ...removals]
