import assert from 'node:assert/strict'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { BookLog } from '../../src/commands/book-log.ts'
import { committedBook } from '../../src/commands/committed-book.ts'
import { emptyBook, fork } from '../../src/domain/book.ts'
import type { Recorded } from '../../src/domain/events/index.ts'
import { evolve } from '../../src/domain/evolve.ts'
import type { Snapshot } from '../../src/domain/snapshot/book-snapshot.ts'
import type { StoredEvent } from '../../src/domain/upcast.ts'
import { bookId } from '../support/received.ts'
import { plain } from '../support/run-table.ts'
import { sampleLog } from '../support/sample-book.ts'
import { headOf } from './simulation/store.ts'

const sample = sampleLog()

const fold = (events: readonly Recorded[]) => {
  const book = emptyBook(bookId)
  for (const event of events) evolve(book, event)
  return book
}

/** Without the lookups: a book that comes from a snapshot has none in its window. */
const state = (book: ReturnType<typeof fold>) => ({ ...plain(book), lookups: [] })

/** How much is new after these events: transactions, accounts, and whatever else there is. */
const newsIn = (events: readonly Recorded[]): number =>
  events.reduce((sum, { type, data }) => {
    if (type === 'TransactionsRecorded') return sum + Math.max(1, data.transactions.length)
    return sum + (type === 'AccountsOpened' ? data.accounts.length : 1)
  }, 0)

type Facts = { readonly events?: Recorded[]; readonly saved?: Snapshot[]; readonly every?: number }

/** A book of a log and snapshots, with what it asks them for. */
const setUp = ({ events = [...sample], saved = [], every = 1_000 }: Facts = {}) => {
  const reads: number[] = []
  const warnings: string[] = []
  const faults: {
    packing: Error | null
    saving: Error | null
    pausing: Promise<void> | null
  } = { packing: null, saving: null, pausing: null }
  /** At which revisions it let others have their turn. */
  const pauses: number[] = []
  const log: BookLog = {
    append: () => Promise.reject(new Error('nobody appends here')),
    read: async function* (_, from, limit = Number.POSITIVE_INFINITY) {
      reads.push(from)
      yield* events.slice(from, from + limit) as StoredEvent[]
    },
    head: async () => headOf(events),
  }
  const committed = committedBook(bookId, {
    log,
    snapshots: {
      list: async () => saved.map(({ head }) => head).toReversed(),
      read: async (head) => saved.find((one) => one.head === head) as Snapshot,
      save: async (snapshot) => {
        if (faults.saving) throw faults.saving
        saved.push(snapshot)
      },
    },
    limits: { window: 1_000, snapshotEvery: every },
    pause: () => {
      if (faults.packing) throw faults.packing
      pauses.push(committed.now().revision)
      return faults.pausing
    },
    warn: (message) => warnings.push(message),
  })
  const commit = (event: Recorded) => {
    const top = fork(committed.now())
    evolve(top, event)
    committed.commit(top, [event])
  }
  return { committed, events, reads, saved, warnings, faults, pauses, commit }
}

/** The snapshot of a book that read so many events and was let go of. */
const snapshotAt = async (length: number, log = sample): Promise<Snapshot> => {
  const { committed, saved } = setUp({ events: log.slice(0, length), every: length * 2 })
  await committed.load()
  await committed.keep()
  return saved[0] as Snapshot
}

describe('a committed book', () => {
  it('is read once, whole, and then only what is new', async () => {
    const { committed, events, reads } = setUp({ events: sample.slice(0, 5) })
    await committed.load()
    await committed.load()
    assert.deepEqual(plain(committed.now()), plain(fold(sample.slice(0, 5))))
    events.push(...sample.slice(5))
    await committed.catchUp()
    assert.deepEqual(plain(committed.now()), plain(fold(sample)))
    assert.deepEqual(reads, [0, 5])
  })

  it('begins with the newest snapshot, and reads what came after that', async () => {
    const saved = [await snapshotAt(4), await snapshotAt(9)]
    const { committed, reads, warnings } = setUp({ saved })
    await committed.load()
    assert.deepEqual(state(committed.now()), state(fold(sample)))
    // The event that the snapshot is of, and all that follow.
    assert.deepEqual(reads, [8, 9])
    assert.deepEqual(warnings, [])
  })

  it('passes over snapshots that are broken or of another log', async () => {
    const newer = await snapshotAt(9)
    const misnamed = { ...newer, head: { ...newer.head, hash: '0'.repeat(64) } }
    const another = sample.with(8, {
      ...(sample[8] as Recorded),
      metadata: { ...(sample[8] as Recorded).metadata, hash: '0'.repeat(64) },
    })
    const foreign = await snapshotAt(9, another)
    for (const wrong of [misnamed, foreign, { ...newer, parts: [] }]) {
      const { committed, reads, warnings } = setUp({ saved: [await snapshotAt(4), wrong] })
      await committed.load()
      assert.deepEqual(state(committed.now()), state(fold(sample)))
      assert.deepEqual(reads, [8, 3, 4])
      assert.deepEqual(warnings, ['snapshot skipped'])
    }
  })

  it('passes over a snapshot that is ahead of the log', async () => {
    const events = sample.slice(0, 6)
    const { committed, reads, warnings } = setUp({
      events,
      saved: [await snapshotAt(4), await snapshotAt(9)],
    })
    await committed.load()
    assert.deepEqual(state(committed.now()), state(fold(events)))
    assert.deepEqual(reads, [8, 3, 4])
    assert.deepEqual(warnings, ['snapshot skipped'])
  })

  it('is worth a snapshot when it is let go of once a tenth of what makes one is new', async () => {
    const news = newsIn(sample)
    for (const [every, snapshots] of [
      [news * 10, 1],
      [news * 10 + 10, 0],
    ] as const) {
      const { committed, saved } = setUp({ every })
      await committed.keep()
      assert.equal(saved.length, 0, 'nothing is known of it yet')
      await committed.load()
      await committed.keep()
      await committed.keep()
      assert.equal(saved.length, snapshots)
    }
  })

  it('stores a snapshot whenever enough is new, while it goes on', async () => {
    const every = newsIn(sample.slice(0, 8))
    const { committed, commit, saved } = setUp({ events: sample.slice(0, 5), every })
    await committed.load()
    commit(sample[5] as Recorded)
    commit(sample[6] as Recorded)
    assert.equal(committed.now().below, null)
    commit(sample[7] as Recorded)
    // It is being packed as it was then.
    assert(committed.now().below)
    commit(sample[8] as Recorded)
    await nextTurn()
    assert.deepEqual(
      saved.map(({ head }) => head.revision),
      [7],
    )
    committed.settle()
    assert.equal(committed.now().below, null)
    assert.deepEqual(state(committed.now()), state(fold(sample.slice(0, 9))))
  })

  it('goes on where no snapshot can be made or stored, and stores the next one', async () => {
    const every = newsIn(sample.slice(0, 8))
    for (const fault of ['packing', 'saving'] as const) {
      const one = setUp({ events: sample.slice(0, 7), every })
      const { committed, commit, saved, warnings, faults } = one
      await committed.load()
      faults[fault] = new Error('it is full')
      commit(sample[7] as Recorded)
      await nextTurn()
      assert.deepEqual([saved.length, warnings], [0, ['snapshot not kept']])
      faults[fault] = null
      committed.settle()
      commit(sample[8] as Recorded)
      await nextTurn()
      assert.equal(saved[0]?.head.revision, 8)
      committed.settle()
      assert.equal(committed.now().below, null)
      assert.deepEqual(state(committed.now()), state(fold(sample.slice(0, 9))))
    }
  })

  it('makes one snapshot at a time, and then counts what came meanwhile', async () => {
    const { committed, commit, saved, faults } = setUp({ events: sample.slice(0, 8), every: 3 })
    await committed.load()
    let goOn = () => {}
    faults.pausing = new Promise((resolve) => {
      goOn = resolve
    })
    for (const event of sample.slice(8, 12)) commit(event)
    await nextTurn()
    assert.equal(saved.length, 0)
    faults.pausing = null
    goOn()
    await nextTurn()
    committed.settle()
    commit(sample[12] as Recorded)
    await nextTurn()
    assert.deepEqual(
      saved.map(({ head }) => head.revision),
      [8, 12],
    )
  })

  it('stores no snapshot of a book that was doubted meanwhile', async () => {
    const every = newsIn(sample.slice(0, 8))
    const { committed, commit, saved } = setUp({ events: sample.slice(0, 7), every })
    await committed.load()
    commit(sample[7] as Recorded)
    committed.doubt()
    await nextTurn()
    assert.deepEqual(saved, [])
    assert.equal(committed.now().revision, -1)
  })

  it('is packed while it is read, each time that twice what makes a snapshot is new', async () => {
    const news = newsIn(sample)
    for (const [every, isPacked] of [
      [news, false],
      [Math.floor(news / 2), true],
      [Math.floor(news / 6), true],
    ] as const) {
      const { committed, saved, pauses } = setUp({ every })
      await committed.load()
      assert.equal(pauses.length > 0, isPacked)
      assert.equal(committed.now().below, null)
      assert.deepEqual(plain(committed.now()), plain(fold(sample)))
      assert.deepEqual(saved, [])
    }
  })

  it('is left as it is where nobody was faster after all', async () => {
    const { committed, reads, warnings } = setUp()
    await committed.load()
    await committed.catchUp()
    assert.deepEqual(reads, [0, sample.length])
    assert.deepEqual(warnings, [])
  })

  it('is read anew where the log has become older', async () => {
    const { committed, events, warnings } = setUp()
    await committed.load()
    events.splice(6)
    await committed.catchUp()
    assert.deepEqual(plain(committed.now()), plain(fold(sample.slice(0, 6))))
    assert.equal(warnings.length, 1)
  })

  it('is read anew where the log ends at its revision with another event', async () => {
    const { committed, events, warnings } = setUp()
    await committed.load()
    const last = events.at(-1) as Recorded
    const other = { ...last, metadata: { ...last.metadata, hash: 'f'.repeat(64) } }
    events.splice(-1, 1, other)
    await committed.catchUp()
    assert.equal(committed.now().hash, other.metadata.hash)
    assert.equal(warnings.length, 1)
  })

  it('takes no event that does not follow the last one', async () => {
    const { committed, events } = setUp()
    const [event] = events.splice(4, 1)
    events.splice(4, 0, {
      ...(event as Recorded),
      metadata: { ...(event as Recorded).metadata, previous_hash: '0'.repeat(64) },
    })
    await assert.rejects(committed.load(), /does not follow revision 3/)
  })

  it('forgets all when it is doubted', async () => {
    const { committed, reads } = setUp()
    await committed.load()
    committed.doubt()
    assert.equal(committed.now().revision, -1)
    await committed.load()
    assert.deepEqual(plain(committed.now()), plain(fold(sample)))
    assert.deepEqual(reads, [0, 0])
  })
})
