import assert from 'node:assert/strict'
import type { BookLog } from '../../src/commands/book-log.ts'
import { bookWriter } from '../../src/commands/book-writer.ts'
import { bookWriters } from '../../src/commands/book-writers.ts'
import type { Received } from '../../src/commands/received.ts'
import { bookId } from '../support/received.ts'
import { codesOf, setUpWriter } from '../support/told-writer.ts'

const minute = 60_000
const otherId = '00000000-0000-8000-8000-0000000000b2'

/** Writers of a process over one log, which look for idle ones when `sweep` is called. */
const setUp = (
  change: (options: ReturnType<typeof setUpWriter>['options']) => object = () => ({}),
) => {
  const one = setUpWriter()
  let sweep = () => {}
  let isOver = false
  const writers = bookWriters({
    ...one.options,
    every: (_, run) => {
      sweep = run
      return () => {
        isOver = true
      }
    },
    ...change(one.options),
  })
  const submitted = async (...commands: Received[]) =>
    codesOf(await one.settled(commands.map(writers.submit)))
  /** Looks for idle ones after so many ms. */
  const sweepAfter = async (ms: number) => {
    await one.settled([one.time.sleep(ms)])
    sweep()
  }
  /** Whether a command of the book has it read anew. */
  const isReadAnew = async (command: Received) => {
    const before = one.calls.reads
    await submitted(command)
    return one.calls.reads > before
  }
  return {
    ...one,
    writers,
    submitted,
    sweepAfter,
    sweep: () => sweep(),
    isReadAnew,
    isOver: () => isOver,
  }
}

describe('the writers of a process', () => {
  it('keep one writer a book', async () => {
    const { submitted, book, accounts, isReadAnew } = setUp()
    assert.deepEqual(await submitted(book()), ['done'])
    assert(!(await isReadAnew(accounts('a'))))
  })

  it('let go of a book that was not used for ten minutes', async () => {
    const { submitted, book, accounts, sweepAfter, isReadAnew, warnings } = setUp()
    await submitted(book())
    for (const code of ['a', 'c']) {
      await sweepAfter(10 * minute)
      assert(!(await isReadAnew(accounts(code))))
    }
    await sweepAfter(10 * minute + 1)
    assert(await isReadAnew(accounts('b')))
    assert.deepEqual(warnings, [])
  })

  it('do not let go of a book while it is written', async () => {
    const { submitted, book, accounts, time, sweep, faults, writers, settled, isReadAnew } = setUp()
    await submitted(book())
    faults.append = () => time.sleep(30 * minute).then(() => null)
    const slow = writers.submit(accounts('a'))
    void time.sleep(20 * minute).then(sweep)
    await settled([slow])
    faults.append = null
    assert(!(await isReadAnew(accounts('b'))))
  })

  it('let go of the book not used longest where all take too much memory', async () => {
    const same = setUpWriter()
    await same.open()
    // Two books of that size are too much.
    const memory = 1.9 * same.writer.bytes()
    const two = setUpWriter()
    const perBook = ({ log }: typeof two.options): BookLog => {
      const of = (id: string) => (id === otherId ? two.options.log : log)
      return {
        append: (id, ...rest) => of(id).append(id, ...rest),
        read: (id, ...rest) => of(id).read(id, ...rest),
        head: (id) => of(id).head(id),
      }
    }
    const { submitted, book, accounts, sweepAfter, isReadAnew, warnings } = setUp((options) => ({
      log: perBook(options),
      limits: { ...options.limits, memory },
    }))
    const ofOther = (received: Received) => ({ ...received, bookId: otherId })
    await submitted(book(), accounts('a', 'b'))
    await sweepAfter(0)
    assert.deepEqual(warnings, [])
    await submitted(ofOther(two.book()), ofOther(two.accounts('a', 'b')))
    assert(!(await isReadAnew(accounts('c'))))
    await sweepAfter(0)
    assert.deepEqual(warnings, ['a book is let go of to save memory'])
    assert(!(await isReadAnew(accounts('d'))), 'it was used last')
    const { reads } = two.calls
    assert.deepEqual(await submitted(ofOther(two.transfer())), ['done'])
    assert(two.calls.reads > reads)
  })

  it('weigh a book as it is once it rests', async () => {
    const ofTen = (options: object) => ({ limits: { ...limits, ...options, snapshotEvery: 10 } })
    const { limits } = setUpWriter().options
    const codes = 'abcdefghij'.split('')
    const same = setUpWriter()
    const writer = bookWriter(bookId, { ...same.options, ...ofTen({}) })
    await same.settled([same.book(), same.accounts(...codes)].map(writer.submit))
    writer.rest()
    const memory = writer.bytes()
    const { submitted, book, accounts, sweepAfter, warnings } = setUp(() => ofTen({ memory }))
    await submitted(book(), accounts(...codes))
    await sweepAfter(0)
    assert.deepEqual(warnings, [])
  })

  it('store what is worth it when they end, and look for idle ones no more', async () => {
    const saved: number[] = []
    const { submitted, book, accounts, writers, settled, time, isOver } = setUp((options) => ({
      limits: { ...options.limits, snapshotEvery: 20 },
      snapshots: {
        ...options.snapshots,
        save: async ({ head }: { head: { revision: number } }) => void saved.push(head.revision),
      },
    }))
    await submitted(book(), accounts('a', 'b'))
    const before = time.now()
    await settled([writers.close()])
    assert.deepEqual(saved, [1])
    assert(isOver())
    assert.equal(time.now(), before, 'nothing is waited for')
  })

  it('end without a snapshot that takes more than three seconds', async () => {
    const { submitted, book, writers, settled, time } = setUp((options) => ({
      limits: { ...options.limits, snapshotEvery: 5 },
      snapshots: { ...options.snapshots, save: () => new Promise(() => {}) },
    }))
    await submitted(book())
    const before = time.now()
    const [ended] = await settled([writers.close()])
    assert.equal(ended?.status, 'fulfilled')
    assert.equal(time.now(), before + 3_000)
  })

  it('keep nothing for a book that does not exist', async () => {
    const { submitted, transfer, calls, isReadAnew } = setUp()
    for (let time = 1; time <= 3; time++) assert(await isReadAnew(transfer()))
    assert.deepEqual(await submitted(transfer()), ['book_not_found'])
    assert.equal(calls.appends, 0)
  })
})
