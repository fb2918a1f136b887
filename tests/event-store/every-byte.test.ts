import assert from 'node:assert/strict'
import { EventStore } from '../../src/event-store/store/event-store.ts'
import { idOf } from '../../src/event-store/store/recorded-event.ts'
import { StoreError } from '../../src/event-store/store-error.ts'
import { Random } from './support/random.ts'
import { SimulatedDisk } from './support/simulated-disk.ts'

const LOG_BYTES = Number(process.env['EVERY_BYTE_LOG'] ?? 16 * 1024)
const SEGMENT = '0000000000000000.log'

/** What opening a log of these bytes leaves of them, or why it is refused. */
type Opened = { kept: Buffer; store: EventStore; warnings: string[] } | { refused: string }

const idsIn = (store: EventStore) =>
  [...store.readAll(0, 'forwards')].map(({ event }) => idOf(event))

describe(`a log of ${LOG_BYTES / 1024} KiB`, function () {
  this.timeout(LOG_BYTES > 16 * 1024 ? 0 : 120_000)
  let closed: Buffer
  let crashed: Buffer
  let ids: string[]
  /** Where each frame of the closed log begins, its end last. */
  let frames: number[]

  before(async () => {
    const disk = diskOf(undefined)
    const store = await pump(
      disk,
      open(disk, () => undefined),
    )
    const random = new Random(7)
    for (let stream = 0; disk.content(SEGMENT).length < LOG_BYTES - 700; stream++) {
      const event = sample(random)
      const name = `stream-${stream % 5}`
      const records = store.encode(name, [event])
      const request = { kind: 'append', stream: name, expected: 'any', ids: [event.id] } as const
      await pump(disk, store.write({ ...request, ...records }))
    }
    ids = [...store.readAll(0, 'forwards')].map(({ event }) => idOf(event))
    crashed = Buffer.from(disk.content(SEGMENT))
    await pump(disk, store.close())
    closed = Buffer.from(disk.content(SEGMENT))
    frames = framesOf(closed)
  })

  it('cut at any offset opens with all whole frames', async () => {
    let whole = 0
    for (let cut = 0; cut <= closed.length; cut++) {
      const isBetween = cut === frames[whole + 1]
      if (isBetween) whole++
      const opened = await reopen(closed.subarray(0, cut))
      assert('kept' in opened, `cut at ${cut}`)
      if (whole === 0) assert.equal(idsIn(opened.store).length, 1, 'it begins anew')
      else assert(opened.kept.equals(closed.subarray(0, frames[whole])), `cut at ${cut}`)
      // Frames that are kept byte for byte need be read but once.
      if (isBetween) assert.deepEqual(idsIn(opened.store), ids.slice(0, whole))
      const isTorn = !isBetween && cut !== frames[0]
      assert.equal(opened.warnings.length, isTorn ? 1 : 0, `cut at ${cut} is told`)
    }
    assert.equal(whole, ids.length + 1)
  })

  it('closed in order, is refused if any byte of an event is changed, naming the place', async () => {
    const seal = frames.at(-2) ?? 0
    for (let at = 0; at < closed.length; at++) {
      const opened = await reopen(flipped(closed, at))
      if (at >= seal) {
        assert('kept' in opened && opened.warnings.length === 1, `byte ${at} of the seal is told`)
        assert.deepEqual(idsIn(opened.store), ids)
        continue
      }
      assert('refused' in opened, `byte ${at} is detected`)
      const frame = frames.findLast((start) => start <= at) ?? 0
      assert.match(opened.refused, new RegExp(`^${SEGMENT} .*(offset (0|24|${frame}):|version)`))
    }
  })

  it('left by a crash, is refused or cut at the last group if any byte is changed', async () => {
    const last = frames.at(-3) ?? 0
    for (let at = 0; at < crashed.length; at++) {
      const opened = await reopen(flipped(crashed, at))
      if (at < last) assert('refused' in opened, `byte ${at} is detected`)
      else {
        assert('kept' in opened && opened.warnings.length === 1, `byte ${at} is told`)
        assert.deepEqual(idsIn(opened.store), ids.slice(0, -1))
      }
    }
  })
})

describe('the index file of a segment', function () {
  this.timeout(60_000)

  it('changed in any byte is made anew, and the store opens with all there is', async () => {
    const disk = diskOf(undefined)
    const store = await pump(
      disk,
      open(disk, () => undefined, 2048),
    )
    const random = new Random(3)
    for (let i = 0; i < 12; i++) {
      const event = sample(random)
      const records = store.encode('stream', [event])
      const asked = { stream: 'stream', expected: 'any', ids: [event.id] } as const
      await pump(disk, store.write({ kind: 'append', ...asked, ...records }))
    }
    await pump(disk, store.close())
    const all = [...store.readStream('stream', 0, 'forwards')].map(({ position }) => position)
    const name = disk.list().find((file) => file.endsWith('.idx')) ?? ''
    const index = Buffer.from(disk.content(name))
    for (let at = 0; at < index.length; at++) {
      disk.setContent(name, flipped(index, at))
      let isMadeAnew = false
      const note = (message: string) => {
        if (/^made the index of .* anew/.test(message)) isMadeAnew = true
      }
      const opened = await pump(disk, open(disk, note, 2048))
      const read = [...opened.readStream('stream', 0, 'forwards')].map(({ position }) => position)
      assert.deepEqual(read, all, `byte ${at}`)
      assert(isMadeAnew, `byte ${at} is told`)
      await pump(disk, opened.close())
    }
  })
})

function diskOf(bytes: Buffer | undefined): SimulatedDisk {
  const disk = new SimulatedDisk(new Random(1))
  if (bytes !== undefined) disk.setContent(SEGMENT, Buffer.from(bytes))
  return disk
}

function flipped(bytes: Buffer, at: number): Buffer {
  const changed = Buffer.from(bytes)
  changed[at] = (changed[at] ?? 0) ^ 0x40
  return changed
}

function sample(random: Random) {
  return {
    id: random.uuid(),
    type: 'Sampled',
    contentType: 'application/octet-stream',
    data: random.bytes(random.below(600)),
    metadata: Buffer.alloc(0),
  }
}

async function reopen(bytes: Buffer): Promise<Opened> {
  const disk = diskOf(bytes)
  const warnings: string[] = []
  try {
    const store = await pump(
      disk,
      open(disk, (message, level) => level === 'warn' && warnings.push(message)),
    )
    return { kept: disk.content(SEGMENT), store, warnings }
  } catch (error) {
    assert(error instanceof StoreError, String(error))
    assert(disk.content(SEGMENT).equals(bytes), 'what is refused is left as it was')
    return { refused: error.message }
  }
}

function open(
  disk: SimulatedDisk,
  onReport: (message: string, level: string) => void,
  segmentBytes = 1_000_000,
): Promise<EventStore> {
  const random = new Random(5)
  return EventStore.open({
    disk,
    report: (level, message) => onReport(message, level),
    now: () => 1_700_000_000_000,
    random: () => 12345,
    newId: () => random.uuid(),
    segmentBytes,
    preallocateBytes: 0,
    groupRequests: 100,
    recentIds: 100,
    onFatal: (error) => {
      throw error
    },
  })
}

/** Lets the disk finish its syncs until the promise settles. */
async function pump<T>(disk: SimulatedDisk, promise: Promise<T>): Promise<T> {
  let isSettled = false
  const settled = promise.finally(() => {
    isSettled = true
  })
  settled.catch(() => undefined)
  while (!isSettled) {
    for (let i = 0; i < 10; i++) await Promise.resolve()
    disk.finishSync()
  }
  return settled
}

function framesOf(bytes: Buffer): number[] {
  const starts: number[] = []
  let at = 32
  for (; at < bytes.length; at += 32 + bytes.readUInt32LE(at + 4)) starts.push(at)
  return [...starts, at]
}
