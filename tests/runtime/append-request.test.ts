import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import streams from '@eventstore/db-client/generated/streams_pb.js'
import { appendRequest, type Proposed } from '../../src/runtime/append-request.ts'

const read = (events: readonly Proposed[], expected = 7) => {
  const id = randomUUID()
  const bytes = appendRequest(id, 'book-ünder', expected, events)
  const request = streams.BatchAppendReq.deserializeBinary(bytes)
  assert.equal(request.getCorrelationId()?.getString(), id)
  assert.equal(request.getIsFinal(), true)
  return request
}

const proposed = (length: number): Proposed => ({
  id: randomUUID(),
  type: 'TransactionsRecorded',
  data: Buffer.alloc(length, 'd'),
  metadata: Buffer.alloc(length, 'm'),
})

describe('the request for an append', () => {
  it('names the stream and the revision that it must have', () => {
    const options = read([]).getOptions()
    const stream = Buffer.from(options?.getStreamIdentifier()?.getStreamName_asU8() ?? [])
    assert.equal(stream.toString(), 'book-ünder')
    assert.equal(options?.getStreamPosition(), '7')
    assert.equal(options?.hasNoStream(), false)
  })

  it('says of a stream that must be new that there is none', () => {
    const options = read([], -1).getOptions()
    assert.equal(options?.hasNoStream(), true)
    assert.equal(options?.hasStreamPosition(), false)
  })

  // Lengths are numbers of one byte more from each of these on.
  for (const edge of [0x80, 0x4000, 0x20_0000]) {
    it(`holds events of about ${edge} bytes, as the library reads them`, () => {
      const shorter = [200, 100, 50, 3, 2, 1, 0].map((less) => Math.max(0, edge - less))
      const events = [...shorter, edge + 1].map(proposed)
      const messages = read(events).getProposedMessagesList()
      assert.equal(messages.length, events.length)
      for (const [index, event] of events.entries()) {
        const message = messages[index]!
        assert.equal(message.getId()?.getString(), event.id)
        assert.equal(message.getMetadataMap().get('type'), event.type)
        assert.equal(message.getMetadataMap().get('content-type'), 'application/json')
        assert.ok(Buffer.from(message.getData_asU8()).equals(event.data))
        assert.ok(Buffer.from(message.getCustomMetadata_asU8()).equals(event.metadata))
      }
    })
  }

  it('gives each event its own type', () => {
    const types = ['BookOpened', 'AccountsOpened', 'BookOpened']
    const messages = read(types.map((type) => ({ ...proposed(1), type }))).getProposedMessagesList()
    assert.deepEqual(
      messages.map((message) => message.getMetadataMap().get('type')),
      types,
    )
  })
})
