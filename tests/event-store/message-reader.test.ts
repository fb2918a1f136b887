import assert from 'node:assert/strict'
import { frameMessage, MessageReader } from '../../src/event-store/grpc/message-reader.ts'

describe('the messages of a call', () => {
  const messages = ['', 'a', 'some more', 'x'.repeat(300)].map((text) => Buffer.from(text))
  const bytes = Buffer.concat(messages.map(frameMessage))

  it('come out whole however their bytes are cut', () => {
    for (let cut = 0; cut <= bytes.length; cut++) {
      for (const second of [cut, cut + 1, cut + 3, cut + 7]) {
        const reader = new MessageReader(1000)
        const parts = [bytes.subarray(0, cut), bytes.subarray(cut, second), bytes.subarray(second)]
        const read = parts.flatMap((part) => reader.push(part))
        assert.deepEqual(read, messages, `cut at ${cut} and ${second}`)
        assert(reader.isEmpty)
      }
    }
  })

  it('come out whole byte by byte', () => {
    const reader = new MessageReader(1000)
    const read = Array.from(bytes, (byte) => reader.push(Buffer.from([byte]))).flat()
    assert.deepEqual(read, messages)
  })

  it('are refused if they are too long, as soon as that can be known', () => {
    const reader = new MessageReader(299)
    assert.throws(
      () => reader.push(frameMessage(Buffer.alloc(300)).subarray(0, 5)),
      /over the limit/,
    )
  })
})
