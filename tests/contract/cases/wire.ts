import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { connect } from 'node:http2'
import { createConnection } from 'node:net'
import { EventStoreDBClient } from '@eventstore/db-client'
import { EMPTY, messageField, uintField } from '../../../src/event-store/protobuf.ts'
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

type Part = { id: string; stream?: string; deadline?: number; final: boolean; events: number }

/** A BatchAppendReq. */
function batch({ id, stream, deadline, final, events: many }: Part): Buffer {
  const options =
    stream === undefined
      ? []
      : [
          messageField(
            2,
            streamId(stream),
            messageField(ANY, EMPTY),
            messageField(6, uintField(1, deadline ?? Math.ceil(Date.now() / 1000) + 60)),
          ),
        ]
  const proposals = Array.from({ length: many }, () => proposed(3, uuid(1, randomUUID()), ...typed))
  return Buffer.concat([uuid(1, id), ...options, ...proposals, uintField(4, final ? 1 : 0)])
}

const correlationOf = (message: Buffer) => String(dig(message, 1, 2))

const batches: ContractCase[] = [
  {
    name: 'tells batches that come mixed apart, and answers each once, with its stream, to the end',
    run: async ({ client, url }) => {
      const [one, other] = [newStream(), newStream()]
      const [a, b] = [randomUUID(), randomUUID()]
      const body = framed(
        batch({ id: a, stream: one, final: false, events: 2 }),
        batch({ id: b, stream: other, final: false, events: 1 }),
        batch({ id: a, final: false, events: 1 }),
        batch({ id: b, final: true, events: 1 }),
        batch({ id: a, final: true, events: 1 }),
      )
      const { messages, trailers } = await rawCall(url, streams('BatchAppend'), body)
      assert.equal(trailers['grpc-status'], '0')
      const answers = messages.map((message) => ({
        id: correlationOf(message),
        revision: dig(message, 3, 1),
        stream: String(dig(message, 4, 3)),
      }))
      assert.deepEqual(
        answers.sort((x, y) => Number(y.revision) - Number(x.revision)),
        [
          { id: a, revision: 3, stream: one },
          { id: b, revision: 1, stream: other },
        ],
      )
      assert.equal((await collect(client.readStream(one))).length, 4)
    },
  },
  {
    name: 'does not write a batch whose deadline has passed, and says Timeout',
    run: async ({ client, url }) => {
      const stream = newStream()
      const late = batch({ id: randomUUID(), stream, deadline: 1, final: true, events: 1 })
      const { messages } = await rawCall(url, streams('BatchAppend'), framed(late))
      const status = dig(messages[0] ?? EMPTY, 2)
      assert(Buffer.isBuffer(status))
      assert.equal(dig(status, 1), 4)
      assert.match(String(dig(status, 3, 1)), /event_store\.client\.Timeout$/)
      await assert.rejects(collect(client.readStream(stream)))
    },
  },
  {
    name: 'answers a batch that is not whole with an error of its own, and goes on',
    run: async ({ url }) => {
      const [bad, good] = [randomUUID(), randomUUID()]
      const stream = newStream()
      const body = framed(
        batch({ id: bad, final: true, events: 1 }),
        batch({ id: good, stream, final: true, events: 1 }),
      )
      const { messages, trailers } = await rawCall(url, streams('BatchAppend'), body)
      assert.equal(trailers['grpc-status'], '0')
      const answers = new Map(messages.map((message) => [correlationOf(message), message]))
      assert.match(String(dig(answers.get(bad) ?? EMPTY, 2, 3, 1)), /event_store\.client\./)
      assert.equal(dig(answers.get(good) ?? EMPTY, 3, 1), 0)
    },
  },
]

const hostile: ContractCase[] = [
  ...Object.entries({
    'garbage for a message': framed(Buffer.from('ffffffffffffffffffffff', 'hex')),
    'a field that is longer than its message': framed(Buffer.from([0x0a, 0x7f, 1])),
    'a message that breaks off': framed(EMPTY).subarray(0, 3),
    'no message': EMPTY,
    'a compressed message': Buffer.from([1, 0, 0, 0, 0]),
    'a message that claims 4 GiB': Buffer.from([0, 255, 255, 255, 255, 1]),
  }).map(
    ([what, body]): ContractCase => ({
      name: `answers ${what} with an error, and lives on`,
      run: async ({ client, url }) => {
        for (const method of ['Read', 'Append', 'Delete']) {
          const { trailers, resetCode } = await rawCall(url, streams(method), body)
          const isRefused = Number(trailers['grpc-status'] ?? 0) > 0 || resetCode !== 0
          assert(isRefused, `${method}: ${JSON.stringify(trailers)}`)
        }
        await client.appendToStream(newStream(), events(1))
      },
    }),
  ),
  {
    name: 'lives on after bytes that are no HTTP/2, and calls that are broken off',
    run: async ({ client, url }) => {
      const { hostname, port } = new URL(url.replace(/^esdb/, 'http'))
      const socket = createConnection(Number(port), hostname)
      socket.on('error', () => undefined).resume()
      await new Promise<void>((resolve) => {
        socket.on('close', () => resolve())
        socket.write('GET / HTTP/1.1\r\n\r\n'.repeat(50))
      })
      const session = connect(`http://${hostname}:${port}`)
      session.on('error', () => undefined)
      for (const method of ['Read', 'Append', 'BatchAppend', 'Delete']) {
        const headers = { ':method': 'POST', ':path': streams(method) }
        const call = session.request({ ...headers, 'content-type': 'application/grpc' })
        call.on('error', () => undefined)
        call.write(readRequest(newStream(), count(10), idsAsStrings))
      }
      await client.appendToStream(newStream(), events(1))
      session.destroy()
      await client.appendToStream(newStream(), events(1))
    },
  },
  {
    name: 'percent-encodes in a message only what may not stand there',
    run: async ({ client, url }) => {
      const stream = newStream('100% wörld')
      await client.tombstoneStream(stream)
      const request = readRequest(stream, count(1), idsAsStrings)
      const { trailers } = await rawCall(url, streams('Read'), request)
      const message = String(trailers['grpc-message'])
      assert.match(message, /^[\x20-\x7e]+$/)
      assert(decodeURIComponent(message).includes(stream), message)
      assert(message.includes(' '), 'blanks are not encoded')
    },
  },
]

export const wireCases = [...connection, ...ids, ...append, ...batches, ...hostile]
