import assert from 'node:assert/strict'
import fc from 'fast-check'
import { type Book, emptyBook, fork, merge, recall } from '../../src/domain/book.ts'
import type { Recorded } from '../../src/domain/events/index.ts'
import { evolve } from '../../src/domain/evolve.ts'
import { lookupsOf } from '../../src/domain/lookup.ts'
import { packBook, type Snapshot, unpackBook } from '../../src/domain/snapshot/book-snapshot.ts'
import { plain as json, listOf } from '../../src/domain/snapshot/codec.ts'
import {
  bytesOf,
  entriesOf,
  type OpenedMap,
  openPacked,
  type PackedMap,
  packEntries,
} from '../../src/domain/snapshot/packed-map.ts'
import { finish } from '../support/finish.ts'
import { runs } from '../support/histories.ts'
import { logOfHistory } from '../support/log-of-history.ts'
import { bookId } from '../support/received.ts'
import { plain } from '../support/run-table.ts'
import { sampleLog } from '../support/sample-book.ts'

const fold = (events: readonly Recorded[], book = emptyBook(bookId)): Book => {
  for (const event of events) evolve(book, event)
  return book
}

/** Without the lookups: a book that comes from a snapshot has none in its window. */
const state = (book: Book) => ({ ...plain(book), lookups: [] })

const copied = ({ parts, ...rest }: Snapshot): Snapshot => ({
  ...rest,
  parts: parts.map((part) => ({ ...part, bytes: new Uint8Array(part.bytes) })),
})

describe('a snapshot', () => {
  it('and the events after it make the same book as all events', () => {
    fc.assert(
      fc.property(logOfHistory, fc.nat(), fc.nat(), (log, one, other) => {
        const [first, second] = [one % log.length, other % log.length].sort((a, b) => a - b)
        const whole = fold(log)
        const { book, snapshot } = finish(packBook(fold(log.slice(0, first! + 1))))
        const kept = finish(unpackBook(copied(snapshot), 10))
        assert.deepEqual(state(fold(log.slice(first! + 1), book)), state(whole))
        // And once more from one that began as a snapshot itself.
        fold(log.slice(first! + 1, second! + 1), kept)
        const again = finish(unpackBook(copied(finish(packBook(kept)).snapshot), 10))
        assert.deepEqual(state(fold(log.slice(second! + 1), again)), state(whole))
        for (const event of log) {
          for (const { kind, key } of lookupsOf(event)) {
            const found = recall(again, kind, key)
            assert(found === undefined || found === event.revision, `${kind} ${key}`)
          }
        }
      }),
      runs(150),
    )
  })

  it('has the same bytes, whether its book was folded or unpacked', () => {
    const log = sampleLog()
    const { book, snapshot } = finish(packBook(fold(log)))
    const digestOf = ({ summary }: Snapshot) => (JSON.parse(summary) as { digest: string }).digest
    assert.equal(digestOf(finish(packBook(book)).snapshot), digestOf(snapshot))
    const unpacked = finish(unpackBook(copied(snapshot), 10))
    assert.equal(digestOf(finish(packBook(unpacked)).snapshot), digestOf(snapshot))
    assert.deepEqual(unpacked.memory?.filter.layers, book.memory?.filter.layers)
  })

  it('shows one revision, whatever is committed while it is packed', () => {
    const log = sampleLog()
    const base = fold(log.slice(0, 4))
    const before = state(base)
    const above = fork(base)
    const packing = packBook(base)
    let next = 4
    for (;;) {
      if (next < log.length) evolve(above, log[next++]!)
      const step = packing.next()
      if (!step.done) continue
      const { snapshot, book } = step.value
      assert.deepEqual(state(finish(unpackBook(snapshot, 10))), before)
      merge(above, book)
      while (next < log.length) evolve(book, log[next++]!)
      assert.deepEqual(plain(book), plain(fold(log)))
      return
    }
  })

  it('keeps one empty list for all', () => {
    const { fromJson } = listOf(json<string>())
    assert.equal(fromJson([], 'a'), fromJson([], 'b'))
    assert.deepEqual(fromJson(['x'], 'a'), ['x'])
  })

  it('knows when the next of its holds is over', () => {
    for (const nextExpiry of [1_709_337_600_000, Number.POSITIVE_INFINITY]) {
      const { snapshot } = finish(packBook({ ...fold(sampleLog()), nextExpiry }))
      assert.equal(finish(unpackBook(snapshot, 10)).nextExpiry, nextExpiry)
    }
  })

  it('is refused where any of its bits is another', () => {
    const { snapshot } = finish(packBook(fold(sampleLog())))
    for (const [place, { section, bytes }] of snapshot.parts.entries()) {
      const step = section === 'filter' ? 997 : 1
      for (let at = 0; at < bytes.length; at += step) {
        const changed = copied(snapshot)
        changed.parts[place]!.bytes[at]! ^= 1 << (at % 8)
        assert.throws(() => finish(unpackBook(changed, 10)), `${section} ${at}`)
      }
    }
  })

  it('is refused where a part is missing, doubled or in another place', () => {
    const { snapshot } = finish(packBook(fold(sampleLog())))
    const { parts } = snapshot
    for (const others of [parts.slice(1), [...parts, parts[0]!], parts.toReversed(), []]) {
      assert.throws(() => finish(unpackBook({ ...snapshot, parts: others }, 10)))
    }
  })

  for (const [name, value] of [
    ['bookId', '00000000-0000-8000-8000-00000000b00d'],
    ['revision', 1],
    ['hash', 'f'.repeat(64)],
    ['format', 'that of another release'],
  ] as const) {
    it(`is refused where its ${name} is not what its head says`, () => {
      const { snapshot } = finish(packBook(fold(sampleLog())))
      const head = { ...snapshot.head, [name]: value }
      assert.throws(() => finish(unpackBook({ ...snapshot, head }, 10)))
      const summary = JSON.stringify({ ...JSON.parse(snapshot.summary), head })
      if (name !== 'format') return
      assert.throws(() => finish(unpackBook({ ...snapshot, head, summary }, 10)), /another release/)
    })
  }
})

describe('a packed map', () => {
  type Change = readonly ['set', string, unknown] | readonly ['delete', string]
  const key = fc.oneof(
    fc.constantFrom('', 'a', 'ä', '日記', 'x'.repeat(300), '00000000-0000-8000-8000-00000000b00C'),
    fc.uuid(),
    fc.string({ unit: 'grapheme', maxLength: 6 }),
  )
  const change: fc.Arbitrary<Change> = fc.oneof(
    { weight: 4, arbitrary: fc.tuple(fc.constant('set' as const), key, fc.jsonValue()) },
    { weight: 1, arbitrary: fc.tuple(fc.constant('delete' as const), key) },
  )

  const repacked = <Value>(map: Map<string, Value> | OpenedMap<Value>): OpenedMap<Value> => {
    const codec = json<Value & object>() as never
    return finish(openPacked<Value>(finish(packEntries(entriesOf(map, codec))), codec))
  }

  it('is a map, however often it is packed again', () => {
    fc.assert(
      fc.property(fc.array(fc.array(change, { maxLength: 12 }), { maxLength: 4 }), (rounds) => {
        const model = new Map<string, unknown>()
        let packed = repacked(new Map<string, unknown>())
        for (const changes of rounds) {
          for (const [kind, name, value] of changes) {
            if (kind === 'set') {
              model.set(name, value)
              packed.set(name, value)
            } else {
              assert.equal(packed.delete(name), model.delete(name))
            }
            assert.equal(packed.size, model.size)
          }
          for (const one of [packed, (packed = repacked(packed))]) {
            assert.equal(one.size, model.size)
            assert.deepEqual(new Map(one), model)
            for (const [name, value] of model) assert.deepEqual(one.get(name), value)
          }
        }
      }),
      runs(300),
    )
  })

  it('is refused where its bytes are not what was packed', () => {
    const codec = json<string>()
    const two = [
      ['a', '"1"'],
      ['b', '"2"'],
    ] as const
    const opened = (packed: PackedMap) => finish(openPacked(packed, codec))
    const packed = finish(packEntries(two))
    assert.deepEqual(
      new Map(opened(packed)),
      new Map([
        ['a', '1'],
        ['b', '2'],
      ]),
    )
    assert.throws(() => opened(finish(packEntries([...two, ['b', '"3"']]))), /packed twice/)
    assert.throws(() => opened({ ...packed, count: 1 }), /more entries/)
    assert.throws(() => opened({ ...packed, count: 3 }), /2 of 3/)
    const parts = packed.parts.map((part) => part.subarray(0, -1))
    assert.throws(() => opened({ ...packed, parts }), RangeError)
  })

  it('pauses after each 500 entries, while it is packed and while it is opened', () => {
    const map = new Map(Array.from({ length: 1_001 }, (_, index) => [`key ${index}`, index]))
    const codec = json<number>()
    const steps = packEntries(entriesOf(map, codec))
    assert.deepEqual(
      [1, 2, 3].map(() => steps.next().done),
      [false, false, true],
    )
    const opening = openPacked(finish(packEntries(entriesOf(map, codec))), codec)
    assert.deepEqual(
      [1, 2, 3].map(() => opening.next().done),
      [false, false, true],
    )
  })

  it('weighs its bytes, and more for each entry that is changed', () => {
    const map = new Map(Array.from({ length: 100 }, (_, index) => [`key ${index}`, 'x']))
    const packed = repacked(map)
    const bytes = 100 * (8 + 1 + 6 + 1 + 3)
    assert(packed.bytes > bytes - 20 && packed.bytes < bytes + 20, `${packed.bytes}`)
    assert.equal(bytesOf(packed), packed.bytes)
    const before = packed.bytes
    packed.set('key 1', 'y')
    packed.set('key 1', 'z')
    packed.set('another', 'z')
    const changed = new Map(['key 1', 'another'].map((name) => [name, 'z']))
    assert.equal(packed.bytes, before + bytesOf(changed))
  })

  it('takes entries that are larger than its parts', () => {
    const large = 'é'.repeat(1_500_000)
    const map = new Map<string, string>([
      ['before', '1'],
      ['large', large],
      ['after', '2'],
      ['k'.repeat(5_000), '3'],
    ])
    const packed = repacked(map)
    for (const [name, value] of map) assert.equal(packed.get(name), value)
    assert.deepEqual(new Map(packed), map)
    assert.equal(packed.get('large'), large)
    assert.equal(packed.get('after'), '2')
    for (const one of [packed, map]) {
      one.set('before', '3')
      one.delete('after')
    }
    assert.deepEqual(new Map(packed), map)
    assert.deepEqual(new Map(repacked(packed)), map)
  })

  it('finds each of many', () => {
    const map = new Map<string, number>()
    for (let index = 0; index < 50_000; index++) map.set(`account:${index}`, index)
    const packed = repacked(map)
    for (const [name, value] of map) assert.equal(packed.get(name), value)
    assert.equal(packed.get('account:50000'), undefined)
  })
})
