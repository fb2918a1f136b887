import assert from 'node:assert/strict'
import { realDisk } from '../../src/event-store/disk/real-disk.ts'
import { Log } from '../../src/event-store/log/log.ts'
import { toRecords } from '../../src/event-store/log/section.ts'
import { RecordReader } from '../../src/event-store/store/reading.ts'
import { testDirectory } from '../support/services.ts'

describe('reading events one by one', () => {
  const sizes = [10, 400_000, 20_000, 8184, 1, 8185, 300_000]
  const positions: number[] = []
  let log: Log

  before(async () => {
    const disk = realDisk(testDirectory('reading'))
    const options = { disk, report: () => undefined, segmentBytes: 2 ** 26, random: () => 7 }
    log = await Log.open(options, () => undefined)
    const group = log.beginGroup()
    for (const [firstRevision, size] of sizes.entries()) {
      const { records, offsets } = toRecords([Buffer.alloc(size, firstRevision)])
      positions.push(...group.add([{ stream: 's', firstRevision, records, offsets }]))
    }
    log.write(group)
    await log.commit(group)
  })

  after(() => log.closeFiles())

  for (const isBackwards of [false, true]) {
    it(`finds them ${isBackwards ? 'backwards' : 'forwards'}, also those longer than the window`, () => {
      const reader = new RecordReader(log, isBackwards)
      const order = isBackwards ? positions.toReversed() : positions
      const lengths = order.map((position) => reader.event(position).length)
      assert.deepEqual(lengths, isBackwards ? sizes.toReversed() : sizes)
    })
  }
})
