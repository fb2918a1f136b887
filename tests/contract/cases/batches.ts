import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { EMPTY, messageField, uintField } from '../../../src/protobuf.ts'
import { dig, framed, proposed, rawCall, streamId, streams, typed, uuid } from '../support/raw.ts'
import { type ContractCase, collect, newStream } from '../support/target.ts'

/** The field of an append's options that says: any revision. */
const ANY = 4

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

export const batchCases: ContractCase[] = [
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
