import assert from 'node:assert/strict'
import type { BookLog } from '../../src/commands/book-log.ts'
import { bookWriter } from '../../src/commands/book-writer.ts'
import { changeTransactionMetadata } from '../../src/commands/change-transaction-metadata.ts'
import { factFetcher } from '../../src/commands/fetch-facts.ts'
import type { LookupIndex } from '../../src/commands/lookup-index.ts'
import { openAccounts } from '../../src/commands/open-accounts.ts'
import { openBook } from '../../src/commands/open-book.ts'
import type { Outcome } from '../../src/commands/received.ts'
import { recordTransactions } from '../../src/commands/record-transactions.ts'
import { updateAccount } from '../../src/commands/update-account.ts'
import { emptyBook, withMemory } from '../../src/domain/book.ts'
import type { Recorded } from '../../src/domain/events/index.ts'
import { evolve } from '../../src/domain/evolve.ts'
import { lookupsOf } from '../../src/domain/lookup.ts'
import { lookupMemory } from '../../src/domain/memory.ts'
import { Rejected } from '../../src/domain/rejection.ts'
import type { StoredEvent } from '../../src/domain/upcast.ts'
import { noBalances } from '../support/facts.ts'
import { bookId, idSource, receivedOf } from '../support/received.ts'
import { sampleLog } from '../support/sample-book.ts'
import { noSnapshots } from './simulation/snapshots.ts'
import { headOf, simulatedStore } from './simulation/store.ts'
import { virtualTime } from './simulation/time.ts'

/** A writer that keeps eight lookups, and an index that knows the first `reach.ofIndex` events. */
const setUp = (gap = 1_000) => {
  const time = virtualTime(Date.parse('2024-03-01T12:00:00Z'))
  const store = simulatedStore()
  const nextId = idSource()
  const reach = {
    ofIndex: Number.POSITIVE_INFINITY,
    isAway: false,
    ofReads: Number.POSITIVE_INFINITY,
  }
  const calls = { questions: 0, mentions: 0, eventsRead: 0 }
  const log: BookLog = {
    append: async (_, expected, events) => store.append(expected, events),
    read: async function* (_, from, limit = Number.POSITIVE_INFINITY) {
      for (const event of store.events.slice(from, Math.min(from + limit, reach.ofReads))) {
        calls.eventsRead++
        yield event as StoredEvent
      }
    },
    head: async () => headOf(store.events),
  }
  const index: LookupIndex = {
    find: async (_, mentions) => {
      calls.questions++
      calls.mentions += mentions.length
      if (reach.isAway) throw new Error('connect ECONNREFUSED')
      const known = store.events.slice(0, reach.ofIndex)
      const revisions = new Map<string, number>()
      for (const { kind, key } of mentions) {
        const event = known.find((one) =>
          lookupsOf(one).some((lookup) => lookup.kind === kind && lookup.key === key),
        )
        if (event) revisions.set(`${kind} ${key}`, event.revision)
      }
      const last = known.at(-1)
      const checkpoint = { revision: last?.revision ?? -1, hash: last?.metadata.hash ?? '' }
      return { checkpoint, revisions }
    },
  }
  const { now: clock, after } = time
  const quiet = { random: () => 0.5, appended: () => {}, warn: () => {} }
  const options = {
    ...{ log, index, balances: noBalances, ...noSnapshots, clock, after, ...quiet },
    limits: { window: 8, gap, snapshotEvery: 1_000, memory: 1e9 },
  }
  const writer = bookWriter(bookId, options)
  const settled = async (commands: Parameters<typeof writer.submit>[0][]) => {
    const all = Promise.allSettled(commands.map(writer.submit))
    await time.runOut()
    return all
  }
  const pay = (key: string | null, id?: string, amount = '1') => {
    const transactions = [{ ...(id && { id }), transfers: [{ from: 'a', to: 'b', amount }] }]
    return receivedOf(recordTransactions, { transactions, atomic: true }, { key, nextId })
  }
  const note = (metadata: Record<string, string>) =>
    receivedOf(changeTransactionMetadata, { transaction: oldId, metadata }, { nextId })
  const accounts = ['a', 'b'].map((code) => ({ code, type: 'asset', currency: 'EUR' }) as const)
  /** A book in which `old` was used long ago, as a key and as an id. */
  const grow = async () => {
    await settled([receivedOf(openBook, { name: 'main' }, { nextId })])
    await settled([receivedOf(openAccounts, { accounts }, { nextId })])
    const [first] = await settled([pay('old', oldId)])
    for (let count = 0; count < 30; count++) await settled([pay(`key ${count}`)])
    Object.assign(calls, { questions: 0, mentions: 0, eventsRead: 0 })
    return first
  }
  return { time, options, store, reach, calls, settled, pay, note, grow }
}

const oldId = 'c11e4700-0000-7000-8000-000000000001'

const described = (result: PromiseSettledResult<Outcome> | undefined): string => {
  if (result?.status !== 'fulfilled') {
    const reason: unknown = result?.reason
    return reason instanceof Rejected ? reason.rejection.code : String(reason)
  }
  const { value } = result
  const what = value.kind === 'done' ? 'done' : value.rejection.code
  return value.isReplay ? `${what} again` : what
}

const all = (results: PromiseSettledResult<Outcome>[]) => results.map(described)

describe('what is older than the memory of a writer', () => {
  it('costs no question where a key and an id are new', async () => {
    const { settled, pay, grow, calls } = setUp()
    await grow()
    const fresh = Array.from({ length: 50 }, (_, index) =>
      pay(`fresh ${index}`, `c11e4700-0000-7000-8000-0000000001${String(index + 10)}`),
    )
    assert.deepEqual(new Set(all(await settled(fresh))), new Set(['done']))
    assert.deepEqual(calls, { questions: 0, mentions: 0, eventsRead: 0 })
  })

  it('is answered as the first time, with one question for a whole group', async () => {
    const { settled, pay, grow, calls, store } = setUp()
    const first = await grow()
    const { length } = store.events
    const group = [pay('old', oldId), pay(null, oldId), pay('old', oldId, '2'), pay(null, oldId)]
    const results = await settled([...group, pay('key 0'), pay('new')])
    const again = ['done again', 'done again', 'idempotency_key_reused', 'done again']
    assert.deepEqual(all(results), [...again, 'done again', 'done'])
    assert.deepEqual(
      results[0]?.status === 'fulfilled' && results[0].value,
      first?.status === 'fulfilled' && { ...first.value, isReplay: true },
    )
    assert.equal(store.events.length, length + 1)
    assert.equal(calls.questions, 1)
    assert.equal(calls.mentions, 3)
  })

  it('refuses another content under an old id', async () => {
    const { settled, pay, grow } = setUp()
    await grow()
    assert.deepEqual(all(await settled([pay('x', oldId, '2')])), ['transaction_id_taken'])
  })

  for (const [what, change] of [
    ['is behind', { ofIndex: 1 }],
    ['has nothing yet', { ofIndex: 0 }],
    ['is away', { isAway: true }],
  ] as const) {
    it(`is found in the stream where the index ${what}`, async () => {
      const { settled, pay, grow, reach, store } = setUp()
      await grow()
      Object.assign(reach, change)
      const { length } = store.events
      const results = await settled([pay('old', oldId), pay('key 3')])
      assert.deepEqual(all(results), ['done again', 'done again'])
      assert.equal(store.events.length, length)
    })
  }

  it('is found as it was changed last, where the index knows an earlier change', async () => {
    const { settled, pay, note, grow, reach, store } = setUp()
    await grow()
    await settled([note({ first: '1' })])
    reach.ofIndex = store.events.length
    await settled([note({ second: '2' })])
    for (let count = 0; count < 10; count++) await settled([pay(`later ${count}`)])
    assert.deepEqual(all(await settled([note({ third: '3' })])), ['done'])
    const last = store.events.at(-1)
    assert(last?.type === 'TransactionMetadataChanged')
    assert.deepEqual(last.data.metadata, { first: '1', second: '2', third: '3' })
  })

  it('is called unavailable where the stream is too long to be read instead', async () => {
    const { settled, pay, grow, reach, store } = setUp(5)
    await grow()
    reach.isAway = true
    const { length } = store.events
    const results = await settled([pay('old', oldId), pay('new'), pay(null, oldId), pay(null)])
    const away = 'store_unavailable'
    assert.deepEqual(all(results), [away, 'done', away, 'done'])
    assert.equal(store.events.length, length + 2)
  })

  it('is answered by an index that is far behind, where that has it', async () => {
    const { settled, pay, grow, reach } = setUp(5)
    await grow()
    reach.ofIndex = 10
    assert.deepEqual(all(await settled([pay('old', oldId)])), ['done again'])
  })

  it('is called unavailable where the read of the stream ends before it should', async () => {
    const { settled, pay, grow, reach, store } = setUp()
    await grow()
    Object.assign(reach, { ofIndex: 1, ofReads: 2 })
    const { length } = store.events
    assert.deepEqual(all(await settled([pay('old'), pay('old', oldId)])), [
      'store_unavailable',
      'store_unavailable',
    ])
    assert.equal(store.events.length, length)
  })

  it('asks an index that has nothing yet the next time too', async () => {
    const { settled, pay, grow, reach, calls } = setUp()
    await grow()
    reach.ofIndex = 0
    for (let count = 0; count < 3; count++) await settled([pay('old', oldId)])
    assert.equal(calls.questions, 3)
  })

  it('does not ask an index that is away again and again', async () => {
    const { settled, pay, grow, reach, calls, time } = setUp()
    await grow()
    reach.isAway = true
    for (let count = 0; count < 5; count++) await settled([pay('old', oldId)])
    assert.equal(calls.questions, 1)
    reach.isAway = false
    const later = time.sleep(10_000)
    await time.runOut()
    await later
    await settled([pay('old', oldId)])
    assert.equal(calls.questions, 2)
  })
})

describe('what memory may have and the book never had', () => {
  it('is settled by the index, beside what the book has', async () => {
    const log = sampleLog()
    const folded = emptyBook(bookId)
    for (const event of log) evolve(folded, event)
    const filter = { add: () => {}, mayHave: () => true, layers: [] }
    const book = withMemory(lookupMemory(8, filter, log.length - 1), folded)
    const { time, options } = setUp()
    const last = log.at(-1) as Recorded
    const fetch = factFetcher(bookId, {
      ...options,
      log: {
        ...options.log,
        read: async function* (_, from, limit = 1) {
          yield* log.slice(from, from + limit) as StoredEvent[]
        },
      },
      index: {
        find: async () => ({
          checkpoint: { revision: last.revision, hash: last.metadata.hash },
          revisions: new Map(),
        }),
      },
    })
    const nextId = idSource()
    const target = { account: 'sales', versions: null }
    const update = receivedOf(
      updateAccount,
      { target, changes: { name: 'x' } },
      { nextId, key: 'never' },
    )
    const fetching = fetch(book, [update])
    await time.runOut()
    const { known, events, unsettled } = await fetching
    assert.deepEqual(new Set(known.values()), new Set([1, null]))
    assert.deepEqual([...events.keys()], [1])
    assert.equal(unsettled.size, 0)
  })
})
