import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { encode, encodedBytes } from '../../src/commands/encoded.ts'
import { emptyBook, findAccount } from '../../src/domain/book.ts'
import { canonical, digestEvent, genesis, hashEvent, leafSalt } from '../../src/domain/chain.ts'
import type { Recorded } from '../../src/domain/events/index.ts'
import {
  type RecordedTransaction,
  transactionsRecorded,
} from '../../src/domain/events/transactions-recorded.ts'
import { evolve } from '../../src/domain/evolve.ts'
import { upcast } from '../../src/domain/upcast.ts'
import { goldenLog } from '../support/golden-book.ts'
import { inclusionPath, rootFrom } from '../support/inclusion-proof.ts'
import { bookId } from '../support/received.ts'
import { sampleLog } from '../support/sample-book.ts'

const sha256 = (...parts: (string | Buffer)[]): Buffer => {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest()
}

const copy = <Value>(value: Value): Value => JSON.parse(JSON.stringify(value)) as Value

/** Null where the chain holds; else the first revision that does not fit. */
const firstBroken = (log: readonly Recorded[], id = bookId): number | null => {
  let previous = genesis(id)
  for (const [revision, event] of log.entries()) {
    const { metadata } = event
    const isWhole = metadata.previous_hash === previous && hashOf(event) === metadata.hash
    if (!isWhole || event.revision !== revision) return revision
    previous = metadata.hash
  }
  return null
}

/** What could not even be hashed has no hash. */
const hashOf = (event: Recorded): string | null => {
  try {
    return hashEvent(event, event.metadata)
  } catch {
    return null
  }
}

describe('the chain of a book', () => {
  const log = sampleLog()

  it('holds from the first event to the last, as written and as read back', () => {
    assert.equal(firstBroken(log), null)
    assert.equal(firstBroken(copy(log)), null)
  })

  it('is made from the text that is stored', () => {
    for (const event of log) {
      const { hash, data } = digestEvent(event, event.metadata)
      assert.equal(hash, event.metadata.hash)
      assert.equal(data, JSON.stringify(event.data), 'keys stay where they are')
      const { data: stored, metadata } = encode(event)
      assert.equal(stored.toString(), data)
      assert.deepEqual(JSON.parse(metadata.toString()), event.metadata)
      assert.equal(encodedBytes(event), stored.length + metadata.length + 2 * event.type.length)
    }
  })

  it('spells a new transaction as its canonical JSON, or leaves that to the rest', () => {
    const spell = transactionsRecorded.spell!.transactions as (one: unknown) => string | null
    let spelled = 0
    const property = fc.property(anyTransaction, (transaction) => {
      const text = spell(transaction)
      if (text === null) return
      spelled++
      assert.equal(text, canonical(transaction))
      assert.equal(text, JSON.stringify(transaction))
    })
    fc.assert(property, { numRuns: 1_000 })
    assert(spelled > 200, `only ${spelled} were spelled`)
  })

  it('begins with the book’s id', () => {
    assert.equal(log[0]?.metadata.previous_hash, genesis(bookId))
    assert.equal(genesis(bookId), sha256(`daybook book ${bookId}`).toString('hex'))
    assert.equal(firstBroken(log, '00000000-0000-8000-8000-00000000b00d'), 0)
  })

  it('breaks where events are left out, moved or repeated', () => {
    assert.equal(firstBroken(log.slice(1)), 0)
    assert.equal(firstBroken([log[0]!, ...log.slice(2)]), 1)
    assert.equal(firstBroken([log[0]!, log[2]!, log[1]!, ...log.slice(3)]), 1)
    assert.equal(firstBroken([...log, log.at(-1)!]), log.length)
  })

  it('breaks at any other character in data or metadata', () => {
    let changes = 0
    for (const event of log) {
      const text = JSON.stringify({ data: event.data, metadata: event.metadata })
      for (let at = 0; at < text.length; at++) {
        const changed = parsed(text.slice(0, at) + other(text[at]!) + text.slice(at + 1))
        if (changed === null || isDeepStrictEqual(changed, copy(event))) continue
        const forged = { ...event, ...changed } as Recorded
        // The hash itself is compared, not covered.
        if (forged.metadata.hash !== event.metadata.hash) continue
        assert.notEqual(hashOf(forged), event.metadata.hash, text.slice(at - 20, at + 20))
        changes++
      }
    }
    assert(changes > 3_000, `only ${changes} changes were tried`)
  })

  it('breaks where something is added, left out, or put in another order', () => {
    for (const event of log) {
      for (const forged of forgeries(copy(event))) {
        assert.notEqual(hashOf(forged), event.metadata.hash)
      }
    }
  })

  it('breaks where an event is called by another name', () => {
    for (const event of log) {
      const type = event.type === 'BookOpened' ? 'AccountsOpened' : 'BookOpened'
      assert.notEqual(hashOf({ ...event, type } as Recorded), event.metadata.hash)
    }
  })
})

const text = fc.string({ unit: 'binary', maxLength: 20 })
const instant = fc.date({ noInvalidDate: true, min: new Date(0) }).map((date) => date.toISOString())

/** With every field there is, in the order of their names. */
const anyTransaction: fc.Arbitrary<Required<RecordedTransaction>> = fc.record({
  description: fc.option(text),
  effective_at: instant,
  entries: fc.array(
    fc.record({
      account: fc.uuid(),
      amount: fc.bigInt({ min: 1n }).map(String),
      currency: fc.constantFrom('EUR', 'USD'),
      direction: fc.constantFrom('debit', 'credit'),
    }),
  ),
  expires_at: instant,
  id: fc.uuid(),
  index: fc.nat(),
  metadata: fc.dictionary(text, text, { maxKeys: 3, noNullPrototype: true }),
  reference: text,
  requested_effective_at: instant,
  reverses: fc.uuid(),
  status: fc.constantFrom('posted', 'pending'),
})

const parsed = (text: string): { data: unknown; metadata: unknown } | null => {
  try {
    const value = JSON.parse(text) as { data: unknown; metadata: unknown }
    return value.data instanceof Object && value.metadata instanceof Object ? value : null
  } catch {
    return null
  }
}

const other = (character: string): string => {
  if (/[0-8a-yA-Y]/.test(character)) return String.fromCharCode(character.charCodeAt(0) + 1)
  return character === '9' ? '8' : 'x'
}

/** Each array reversed and each field of each object left out, and one added. */
function* forgeries(event: Recorded): Generator<Recorded> {
  for (const part of [event.data, event.metadata] as Record<string, unknown>[]) {
    for (const place of objectsIn(part)) {
      for (const name of Object.keys(place)) {
        if (name === 'hash') continue
        const value = place[name]
        delete place[name]
        yield event
        place[name] = value
        if (Array.isArray(value) && value.length > 1) {
          value.reverse()
          yield event
          value.reverse()
        }
      }
      place['added'] = 1
      yield event
      delete place['added']
    }
  }
}

function* objectsIn(value: unknown): Generator<Record<string, unknown>> {
  if (!(value instanceof Object)) return
  if (!Array.isArray(value)) yield value as Record<string, unknown>
  for (const part of Object.values(value)) yield* objectsIn(part)
}

describe('a receipt for one transaction', () => {
  const event = sampleLog()[3] as Extract<Recorded, { type: 'TransactionsRecorded' }>
  const { leaf_salt: salt, hash, leaf_salt: _, ...rest } = event.metadata
  const { transactions, refused, existing, ...open } = event.data
  const texts = [
    ...transactions.map((one) => canonical(['transactions', one])),
    ...refused.map((one) => canonical(['refused', one])),
    ...existing.map((one) => canonical(['existing', one])),
  ]
  const leafOf = (text: string, its: string) => sha256(Buffer.of(0), its, text)
  const leaves = texts.map((text, index) => leafOf(text, leafSalt(salt!, index)))

  it('proves, with its own salt and a path, that the event holds it', () => {
    assert.equal(texts.length, 5)
    for (const [index, text] of texts.entries()) {
      const leaf = leafOf(text, leafSalt(salt!, index))
      const root = rootFrom(leaf, index, leaves.length, inclusionPath(leaves, index))
      const data = { ...open, leaves_root: root.toString('hex') }
      const whole = canonical({ type: event.type, data, metadata: rest })
      assert.equal(sha256(whole).toString('hex'), hash)
    }
  })

  it('does not prove another', () => {
    const forged = leafOf(texts[0]!.replace('"7"', '"8"'), leafSalt(salt!, 0))
    const root = rootFrom(forged, 0, leaves.length, inclusionPath(leaves, 0))
    assert.notDeepEqual(root, rootFrom(leaves[0]!, 0, leaves.length, inclusionPath(leaves, 0)))
  })

  it('does not even confirm a right guess at its neighbour', () => {
    const shown = leafSalt(salt!, 0)
    const [neighbour] = inclusionPath(leaves, 0)
    assert.deepEqual(neighbour, leaves[1])
    for (const known of [
      '',
      shown,
      sha256(shown).toString('hex').slice(0, 32),
      salt!.slice(0, 8),
    ]) {
      assert.notDeepEqual(leafOf(texts[1]!, known), neighbour)
    }
    assert.equal(new Set(texts.map((_, index) => leafSalt(salt!, index))).size, 5)
    assert.match(shown, /^[0-9a-f]{32}$/)
  })

  it('is bound to its salt, though the salt stands beside the hash', () => {
    const salted = { ...event.metadata, leaf_salt: '00'.repeat(16) }
    assert.notEqual(hashEvent(event, salted), hash)
    assert.notEqual(hashEvent(event, { ...event.metadata, leaf_salt: null }), hash)
  })
})

describe('the golden book', () => {
  it('recorded by the first release, verifies for ever', () => {
    assert.equal(goldenLog.length, 6)
    assert.equal(firstBroken(goldenLog), null)
    assert.equal(goldenLog.at(-1)?.metadata.hash, goldenHash)
  })

  it('can be read for ever', () => {
    const book = emptyBook(bookId)
    for (const event of goldenLog) evolve(book, upcast(event))
    assert.equal(findAccount(book, 'cash')?.posted, 1257n)
    assert.equal(findAccount(book, 'vault')?.posted, 10n ** 38n - 1n)
    const keys = [...book.lookups].filter(([one]) => one.startsWith('key '))
    assert.equal(keys.length, 4)
  })
})

const goldenHash = '99841ce6d60daa849a3421956db4e76a539e7cd43725692333cf2d2d8822eb5a'
