import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { realDisk } from '../../src/event-store/disk/real-disk.ts'
import { backupStore } from '../../src/event-store/inspect/backup.ts'
import { statStore } from '../../src/event-store/inspect/stat.ts'
import { verifyStore } from '../../src/event-store/inspect/verify.ts'
import { EventStore } from '../../src/event-store/store/event-store.ts'
import { StoreError } from '../../src/event-store/store-error.ts'
import { testDirectory } from '../support/test-directory.ts'

const SEGMENT_BYTES = 20_000

const open = (directory: string, reports: string[] = []) =>
  EventStore.open({
    disk: realDisk(directory),
    report: (_, message) => reports.push(message),
    now: Date.now,
    random: () => 99,
    newId: randomUUID,
    segmentBytes: SEGMENT_BYTES,
    preallocateBytes: 4096,
    groupRequests: 10,
    recentIds: 100,
    onFatal: (error) => {
      throw error
    },
  })

function append(store: EventStore, stream: string, count = 1) {
  const events = Array.from({ length: count }, () => ({
    id: randomUUID(),
    type: 'Sampled',
    contentType: 'application/octet-stream',
    data: Buffer.alloc(500, 'x'),
    metadata: Buffer.alloc(0),
  }))
  const records = store.encode(stream, events)
  const ids = events.map(({ id }) => id)
  return store.write({ kind: 'append', stream, expected: 'any', ids, ...records })
}

const readAll = (store: EventStore) =>
  [...store.readAll(0, 'forwards')].map(({ position, stream, revision }) => {
    return `${position} ${stream}/${revision}`
  })

describe('the directory of an event store', function () {
  this.timeout(60_000)
  let directory: string
  beforeEach(() => {
    directory = testDirectory('event-store')
  })
  const below = (name: string) => join(directory, name)

  it('is refused to a second opener, until the first has closed it', async () => {
    const store = await open(directory)
    await assert.rejects(open(directory), (error) => {
      assert(error instanceof StoreError)
      assert.equal(error.code, 'locked')
      assert.match(error.message, new RegExp(`in use by process ${process.pid}`))
      return true
    })
    await store.close()
    await (await open(directory)).close()
  })

  it('opens by its index files as it would without them', async () => {
    const store = await open(below('a'))
    for (let i = 0; i < 150; i++) await append(store, `stream-${i % 7}`, 1 + (i % 3))
    await store.write({ kind: 'tombstone', stream: 'stream-1', expected: 'any' })
    for (let i = 0; i < 50; i++) await append(store, 'stream-2')
    const all = readAll(store)
    await store.close()
    assert(readdirSync(below('a')).filter((name) => name.endsWith('.idx')).length > 5)

    const reports: string[] = []
    const indexed = await open(below('a'), reports)
    assert.deepEqual(readAll(indexed), all)
    assert.equal(indexed.streamState('stream-1'), 'deleted')
    const stream = [...indexed.readStream('stream-2', 0, 'forwards')].map(
      ({ revision }) => revision,
    )
    await indexed.close()
    assert.deepEqual(reports, [])

    for (const name of readdirSync(below('a')).filter((name) => name.endsWith('.idx'))) {
      writeFileSync(join(below('a'), name), 'broken')
    }
    const scanned = await open(below('a'), reports)
    assert.deepEqual(readAll(scanned), all)
    assert.equal(scanned.streamState('stream-1'), 'deleted')
    assert.deepEqual(
      [...scanned.readStream('stream-2', 0, 'forwards')].map(({ revision }) => revision),
      stream,
    )
    await scanned.close()
    assert.match(String(reports[0]), /made the index of 0+\.log anew/)
  })

  it('is verified frame by frame', async () => {
    const store = await open(below('a'))
    for (let i = 0; i < 100; i++) await append(store, `stream-${i % 7}`)
    assert.deepEqual(verifyStore(realDisk(below('a'))).problems, [], 'while it runs')
    await store.close()
    const whole = verifyStore(realDisk(below('a')))
    assert.deepEqual(whole.problems, [])
    assert.equal(whole.streams, 8)
    assert.equal(
      whole.segments.reduce((sum, { events }) => sum + events, 0),
      101,
    )
    assert.deepEqual(statStore(realDisk(below('a'))), {
      segments: whole.segments.length,
      bytes: whole.segments.reduce((sum, { bytes }) => sum + bytes, 0),
      events: 101,
      streams: 8,
      end: whole.segments.at(-1)?.end,
    })
    const [first = '', second = ''] = whole.segments.map(({ name }) => name)
    const bytes = readFileSync(join(below('a'), first))
    bytes[5000] = (bytes[5000] ?? 0) ^ 1
    writeFileSync(join(below('a'), first), bytes)
    const { problems } = verifyStore(realDisk(below('a')))
    assert.match(problems.join('\n'), new RegExp(`${first} is corrupt at offset \\d+`))
    assert.doesNotMatch(problems.join('\n'), new RegExp(`^${second} is corrupt`, 'm'))
  })

  it('names the gap if a segment is missing', async () => {
    const store = await open(below('a'))
    for (let i = 0; i < 150; i++) await append(store, 'stream')
    await store.close()
    const [, second = ''] = readdirSync(below('a'))
      .filter((name) => name.endsWith('.log'))
      .sort()
    rmSync(join(below('a'), second))
    await assert.rejects(open(below('a')), /breaks off at position \d+.*missing/)
    const { problems } = verifyStore(realDisk(below('a')))
    assert.match(problems.join('\n'), /breaks off/)
  })

  it('is backed up while it runs, with all that was acknowledged before', async () => {
    const store = await open(below('a'))
    let isRunning = true
    const writing = Array.from({ length: 4 }, async (_, i) => {
      while (isRunning) await append(store, `stream-${i}`)
    })
    for (let backup = 0; backup < 5; backup++) {
      await append(store, 'marked')
      const acknowledged = readAll(store)
      const target = below(`backup-${backup}`)
      await backupStore(realDisk(below('a')), realDisk(target))
      const reports: string[] = []
      const copy = await open(target, reports)
      assert.deepEqual(readAll(copy).slice(0, acknowledged.length), acknowledged)
      await append(copy, 'marked')
      await copy.close()
      assert.deepEqual(verifyStore(realDisk(target)).problems, [])
    }
    isRunning = false
    await Promise.all(writing)
    await store.close()
  })

  it('is not backed up over another store', async () => {
    for (const name of ['a', 'b']) await (await open(below(name))).close()
    await assert.rejects(backupStore(realDisk(below('a')), realDisk(below('b'))), /empty/)
  })

  it('is refused if a newer program wrote it', async () => {
    await (await open(below('a'))).close()
    const [name = ''] = readdirSync(below('a')).filter((file) => file.endsWith('.log'))
    const bytes = readFileSync(join(below('a'), name))
    bytes.writeUInt32LE(2, 8)
    const { crc32 } = await import('node:zlib')
    bytes.writeUInt32LE(crc32(bytes.subarray(0, 28)), 28)
    writeFileSync(join(below('a'), name), bytes)
    await assert.rejects(open(below('a')), /format version 2/)
  })
})
