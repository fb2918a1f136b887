import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import shared from '@eventstore/db-client/generated/shared_pb.js'
import streams from '@eventstore/db-client/generated/streams_pb.js'
import {
  decodeRead,
  type LoggedEvent,
  type ReadWhat,
  readRequest,
} from '../../src/runtime/read-message.ts'

const optionsOf = (what: ReadWhat) => {
  const options = streams.ReadReq.deserializeBinary(readRequest(what)).getOptions()
  assert.ok(options)
  assert.equal(options.getUuidOption()?.hasString(), true)
  assert.equal(options.hasNoFilter(), true)
  assert.equal(options.getResolveLinks(), false)
  return options
}

describe('the request for a read', () => {
  for (const revision of [0, 127, 128, 5_000_000_000]) {
    it(`asks for a stream from revision ${revision} on, as the library reads it`, () => {
      const options = optionsOf({ stream: 'book-ünder', from: revision, limit: 300 })
      const stream = options.getStream()
      const name = stream?.getStreamIdentifier()?.getStreamName_asU8() ?? []
      assert.equal(Buffer.from(name).toString(), 'book-ünder')
      assert.equal(stream?.getRevision(), String(revision))
      assert.equal(options.getReadDirection(), 0)
      assert.equal(options.getCount(), '300')
    })
  }

  it('asks for the end of a stream, backwards', () => {
    const options = optionsOf({ stream: 'book-1', from: 'end', limit: 1, isBackwards: true })
    assert.equal(options.getStream()?.hasEnd(), true)
    assert.equal(options.getReadDirection(), 1)
  })

  it('asks for all that there is in a stream', () => {
    const limit = Number.MAX_SAFE_INTEGER
    const options = optionsOf({ stream: 'book-1', from: 'start', limit })
    assert.equal(options.getStream()?.hasStart(), true)
    assert.equal(options.getCount(), String(limit))
  })

  it('asks for the whole log, from its start, its end or a position', () => {
    const allFrom = (from: ReadWhat['from']) => optionsOf({ stream: null, from, limit: 1 }).getAll()
    assert.equal(allFrom('start')?.hasStart(), true)
    assert.equal(allFrom('end')?.hasEnd(), true)
    const position = allFrom(70_000_000_000n)?.getPosition()
    assert.equal(position?.getCommitPosition(), '70000000000')
    assert.equal(position?.getPreparePosition(), '70000000000')
  })
})

const recorded = ({ id, type, revision, stream, position }: LoggedEvent, data: string) => {
  const uuid = new shared.UUID()
  uuid.setString(id)
  const identifier = new shared.StreamIdentifier()
  identifier.setStreamName(Buffer.from(stream))
  const event = new streams.ReadResp.ReadEvent.RecordedEvent()
  event.setId(uuid)
  event.setStreamIdentifier(identifier)
  event.setStreamRevision(String(revision))
  event.setPreparePosition(String(position))
  event.setCommitPosition(String(position))
  event.getMetadataMap().set('created', '17').set('type', type).set('content-type', 'x')
  event.setCustomMetadata(Buffer.from('{"hash":"ä"}'))
  event.setData(Buffer.from(data))
  return event
}

const answer = (event: InstanceType<typeof streams.ReadResp.ReadEvent.RecordedEvent>): Buffer => {
  const read = new streams.ReadResp.ReadEvent()
  read.setEvent(event)
  read.setCommitPosition(event.getCommitPosition())
  const response = new streams.ReadResp()
  response.setEvent(read)
  return Buffer.from(response.serializeBinary())
}

const event: LoggedEvent = {
  id: randomUUID(),
  type: 'BookOpened',
  revision: 0,
  data: { name: 'Bücher €' },
  metadata: { hash: 'ä' },
  stream: 'book-1',
  position: 0n,
}

describe('the answer to a read', () => {
  for (const number of [0, 127, 128, 5_000_000_000, Number.MAX_SAFE_INTEGER]) {
    it(`is an event at revision and position ${number}, as the library writes it`, () => {
      const logged = { ...event, revision: number, position: BigInt(number) }
      const bytes = answer(recorded(logged, JSON.stringify(event.data)))
      assert.deepEqual(decodeRead(bytes), logged)
    })
  }

  it('keeps what is no JSON, so that whoever folds it halts', () => {
    assert.deepEqual(decodeRead(answer(recorded(event, '{"cut'))), { ...event, data: '{"cut' })
  })

  it('says that there is no such stream', () => {
    const response = new streams.ReadResp()
    response.setStreamNotFound(new streams.ReadResp.StreamNotFound())
    assert.equal(decodeRead(Buffer.from(response.serializeBinary())), 'missing')
  })

  it('may be of other things, which are passed over', () => {
    const response = new streams.ReadResp()
    response.setLastStreamPosition('7')
    assert.equal(decodeRead(Buffer.from(response.serializeBinary())), 'other')
  })
})
