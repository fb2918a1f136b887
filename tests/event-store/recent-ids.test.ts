import assert from 'node:assert/strict'
import { RecentIds } from '../../src/event-store/store/recent-ids.ts'
import { Stream } from '../../src/event-store/store/stream-index.ts'
import { Random } from './support/random.ts'

const CAPACITY = 7

describe('the ids of the last events', () => {
  it('are known by stream, the newest first, until so many others came', () => {
    const random = new Random(11)
    const recent = new RecentIds(CAPACITY)
    const streams = [new Stream('a'), new Stream('b')] as const
    const ids = [random.uuid(), random.uuid(), random.uuid(), random.uuid()] as const
    const added: { id: string; stream: Stream; revision: number }[] = []
    let known = 0
    for (let revision = 0; revision < 500; revision++) {
      const entry = { id: random.pick(ids), stream: random.pick(streams), revision }
      recent.add(entry.id, entry.stream, revision)
      added.push(entry)
      for (const stream of streams) {
        for (const id of ids) {
          const expected = added
            .slice(-CAPACITY)
            .findLast((one) => one.id === id && one.stream === stream)
          assert.equal(recent.revision(stream, id), expected?.revision, `after ${revision}`)
          if (expected !== undefined) known++
        }
      }
    }
    assert(known > 1000 && known < 500 * 8, `${known} were known`)
  })
})
