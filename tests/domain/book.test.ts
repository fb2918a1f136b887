import assert from 'node:assert/strict'
import { bloomFilter } from '../../src/domain/bloom-filter.ts'
import {
  type Book,
  dueHolds,
  emptyBook,
  findRevision,
  fork,
  merge,
  recall,
  setHold,
  sizeOf,
  withMemory,
} from '../../src/domain/book.ts'
import type { Recorded } from '../../src/domain/events/index.ts'
import { evolve } from '../../src/domain/evolve.ts'
import { lookupMemory } from '../../src/domain/memory.ts'
import { bookId } from '../support/received.ts'
import { sampleLog } from '../support/sample-book.ts'

const hold = (id: string, expiresAt: number | null) => ({
  id,
  expiresAt,
  effectiveAt: null,
  entries: [],
})

const holding = (...holds: (readonly [id: string, expiresAt: number | null])[]): Book => {
  const book = emptyBook(bookId)
  for (const [id, expiresAt] of holds) setHold(book, id, hold(id, expiresAt))
  return book
}

const due = (book: Book, now: number) => dueHolds(book, now).map(({ id }) => id)

describe('the holds of a book', () => {
  it('are due from their time on, the earliest first and of one time by their ids', () => {
    const book = holding(['c', 30], ['b', 20], ['e', 20], ['a', 10], ['d', 20], ['never', null])
    assert.deepEqual(due(book, 9), [])
    assert.deepEqual(due(book, 20), ['a', 'b', 'd', 'e'])
    assert.deepEqual(due(book, 30), ['a', 'b', 'd', 'e', 'c'])
  })

  it('are looked through again when the next of them is due, in whatever order they came', () => {
    for (const order of [
      [20, 30, 40],
      [40, 30, 20],
    ]) {
      const book = holding(['gone', 10], ...order.map((at) => [`${at}`, at] as const))
      setHold(book, 'gone', null)
      assert.deepEqual(due(book, 10), [])
      assert.equal(book.nextExpiry, 20)
      assert.deepEqual(due(book, 35), ['20', '30'])
    }
  })

  it('are those of the uppermost layer that says something of them', () => {
    const base = holding(['ended', 10], ['kept', 10], ['later', 10])
    const middle = fork(base)
    setHold(middle, 'ended', null)
    setHold(middle, 'later', hold('later', 50))
    const top = fork(middle)
    setHold(top, 'new', hold('new', 20))
    assert.deepEqual(due(top, 20), ['kept', 'new'])
    assert.deepEqual(due(top, 50), ['kept', 'new', 'later'])
    assert.deepEqual(due(base, 50), ['ended', 'kept', 'later'])
  })
})

describe('a book', () => {
  it('is merged into the one that it stands on, and into none without that', () => {
    assert.throws(() => merge(emptyBook(bookId)), /only a fork/)
  })

  it('weighs more with all that it has, in every layer', () => {
    const empty = emptyBook(bookId)
    const [layer] = bloomFilter().layers
    assert.equal(sizeOf(empty), layer?.bits.length)
    const full = emptyBook(bookId)
    const above = fork(full)
    for (const book of [full, above]) {
      const before = sizeOf(above)
      book.codes.set('cash', bookId)
      setHold(book, 'a', hold('a', 10))
      const withMaps = sizeOf(above)
      assert(withMaps > before)
      book.lookups.set('key a', 1)
      assert.equal(sizeOf(above), withMaps + 200)
    }
  })

  it('does not know what may be as old as its first event', () => {
    const filter = bloomFilter()
    filter.add('key old')
    const book = withMemory(lookupMemory(10, filter, 0), emptyBook(bookId))
    assert.equal(recall(book, 'key', 'old'), undefined)
    assert.equal(recall(book, 'key', 'never'), null)
    assert.throws(() => findRevision(book, 'key', 'old'), /fetch it first/)
    assert.equal(findRevision(book, 'key', 'never'), undefined)
  })

  const fold = (events: readonly Recorded[]): void => {
    const book = emptyBook(bookId)
    for (const event of events) evolve(book, event)
  }
  const log = sampleLog()
  const stranger = '00000000-0000-8000-8000-00000000dead'
  /** The log up to the first event of this type, which names others than it did. */
  const falsified = (type: Recorded['type'], field: 'account' | 'transaction'): Recorded[] => {
    const at = log.findIndex((event) => event.type === type)
    const pattern = new RegExp(`("${field}":)"[^"]+"`, 'g')
    const text = JSON.stringify(log[at]).replace(pattern, `$1"${stranger}"`)
    return [...log.slice(0, at), JSON.parse(text) as Recorded]
  }

  it('takes no event out of its order', () => {
    fold(log)
    assert.throws(() => fold(log.slice(1)), /does not follow/)
    assert.throws(() => fold([...log.slice(0, 2), ...log.slice(1)]), /does not follow/)
  })

  it('takes no event of an account or a hold that it never had', () => {
    assert.throws(() => fold(falsified('TransactionsRecorded', 'account')), /no account/)
    assert.throws(() => fold(falsified('HoldPosted', 'transaction')), /no open hold/)
  })
})
