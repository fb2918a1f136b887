import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { connect } from 'node:http2'
import { createConnection } from 'node:net'
import { EMPTY, messageField } from '../../../src/protobuf.ts'
import {
  count,
  framed,
  idsAsStrings,
  rawCall,
  readRequest,
  streamId,
  streams,
  typed,
  uuid,
} from '../support/raw.ts'
import { type ContractCase, collect, events, newStream, revisions } from '../support/target.ts'

/** The field of an append's options that says: any revision. */
const ANY = 4

const tooMany: ContractCase[] = [
  {
    name: 'refuses an append of more events than any frame holds, and lives on',
    run: async ({ client, url }) => {
      const stream = newStream('n'.repeat(900))
      const event = messageField(2, uuid(1, randomUUID()), ...typed)
      const many = Array.from({ length: 40_000 }, () => event)
      const options = messageField(1, streamId(stream), messageField(ANY, EMPTY))
      const { trailers } = await rawCall(url, streams('Append'), framed(options, ...many))
      assert.equal(trailers['exception'], 'maximum-append-size-exceeded')
      await client.appendToStream(stream, events(1))
      assert.deepEqual(revisions(await collect(client.readStream(stream))), [0])
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

export const hostileCases = [...tooMany, ...hostile]
