import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Outcome, Received } from '../../src/commands/received.ts'
import { recordTransactions } from '../../src/commands/record-transactions.ts'
import { available, ceiling, normalSide } from '../../src/domain/account.ts'
import { type Book, emptyBook, findAccount, fork, merge } from '../../src/domain/book.ts'
import { evolve } from '../../src/domain/evolve.ts'
import { upcast } from '../../src/domain/upcast.ts'
import {
  type History,
  history,
  runs,
  type Settlement,
  start,
  unseen,
} from '../support/histories.ts'
import { decide, type Live, naive, openLive, take } from '../support/live-book.ts'
import { naiveEnds, naiveLimits, naiveResults } from '../support/naive-ledger.ts'
import { bookId, receivedOf } from '../support/received.ts'
import { done, plain } from '../support/run-table.ts'
import { settling } from '../support/settling.ts'

/** The same word for an item as the naive model has. */
const wordsOf = (outcome: Outcome): string[] => {
  if (outcome.kind === 'refused') return [outcome.rejection.code]
  assert(outcome.event)
  if (outcome.event.type !== 'TransactionsRecorded') return [done[outcome.event.type]]
  const { transactions, existing, refused } = outcome.event.data
  const words: string[] = []
  for (const { index } of transactions) words[index] = 'recorded'
  for (const { index } of existing) words[index] = 'existing'
  for (const { index, code } of refused) words[index] = code
  return words
}

type Step = {
  readonly now: number
  readonly received: Received
  /** What the naive model says to it. */
  readonly expected: (model: ReturnType<typeof naive>) => string[]
}

/** The steps of a history as commands, with the time they come in. */
const stepsOf = ({ batches }: History, nextId: () => string): Step[] => {
  let now = start
  return batches.flatMap(({ laterBy, isAtomic, items, settlements }): Step[] => {
    now += laterBy
    const at = now
    const data = { transactions: [...items], atomic: isAtomic }
    return [
      {
        now: at,
        received: receivedOf(recordTransactions, data, { nextId }),
        expected: (model) => model.recordBatch(items, isAtomic, at),
      },
      ...settlements.map(
        (one): Step => ({
          now: at,
          received: settling(one, nextId),
          expected: (model) => [settleNaively(model, one, at)],
        }),
      ),
    ]
  })
}

const settleNaively = (model: ReturnType<typeof naive>, one: Settlement, at: number): string => {
  switch (one.kind) {
    case 'void':
      return model.voidHold(one.transaction, at)
    case 'post':
      return model.postHold(one.transaction, one.posting, at)
    case 'reverse':
      return model.reverse(one.transaction, one.reversal, at)
    case 'freeze':
      return model.freeze(one.account, at)
    case 'unfreeze':
      return model.unfreeze(one.account, at)
  }
}

const everywhere = (what: (it: History, live: Live) => void, numRuns: number) =>
  fc.assert(
    fc.property(history, (it) => what(it, openLive(it.accounts))),
    runs(numRuns),
  )

describe('whatever is recorded', () => {
  const met = new Set<string>()
  const ends = new Set<string>()

  it('is decided as the naive model decides it', () => {
    everywhere((it, live) => {
      const model = naive(it.accounts)
      for (const { now, received, expected } of stepsOf(it, live.nextId)) {
        const words = expected(model)
        assert.deepEqual(take(live, [received], now).flatMap(wordsOf), words)
        const isEnd = received.command.name !== recordTransactions.name
        for (const word of words) (isEnd ? ends : met).add(word)
        for (const { code } of it.accounts) {
          const account = findAccount(live.book, code)!
          assert.equal(account.posted, model.posted(code))
          assert.equal(available(account, now), model.available(code, now))
          assert.equal(account.pendingIncrease, model.pendingIncrease(code))
          assert.equal(account.balanceRevision, model.changedAt(code))
        }
      }
    }, 500)
  })

  it('meets every rule there, for histories without one prove nothing about it', () => {
    assert.deepEqual([...met].sort(), naiveResults)
    const others = [...ends].filter((word) => !naiveLimits.includes(word))
    assert.deepEqual(others.sort(), naiveEnds)
  })

  it('keeps the sum of each currency at zero, and every account within its limits', () => {
    everywhere((it, live) => {
      let isForced = false
      for (const { now, received } of stepsOf(it, live.nextId)) {
        take(live, [received], now)
        isForced ||= 'force' in (received.data as object)
        const sums = new Map<string, bigint>()
        for (const [, account] of live.book.accounts) {
          const { type, currency, posted, minBalance, maxBalance } = account
          const debit = normalSide(type) === 'debit' ? posted : -posted
          sums.set(currency, (sums.get(currency) ?? 0n) + debit)
          // Every account begins within its limits, at zero, and only force takes it beyond them.
          if (isForced) continue
          if (minBalance !== null) assert(available(account, now) >= minBalance)
          if (maxBalance !== null) assert(ceiling(account) <= maxBalance)
        }
        for (const sum of sums.values()) assert.equal(sum, 0n)
      }
    }, 200)
  })

  it('makes the same book again when its events are folded from the first one', () => {
    everywhere((it, live) => {
      for (const { now, received } of stepsOf(it, live.nextId)) take(live, [received], now)
      const again = emptyBook(bookId)
      for (const event of live.log) evolve(again, upcast(JSON.parse(JSON.stringify(event))))
      assert.deepEqual(plain(again), plain(live.book))
    }, 200)
  })

  it('makes the same book in however many layers it is folded', () => {
    fc.assert(
      fc.property(history, fc.array(fc.constantFrom('fork', 'merge', 'none')), (it, layers) => {
        const live = openLive(it.accounts)
        for (const { now, received } of stepsOf(it, live.nextId)) take(live, [received], now)
        let book = emptyBook(bookId)
        for (const [place, event] of live.log.entries()) {
          if (layers[place] === 'fork') book = fork(book)
          evolve(book, event)
          if (layers[place] === 'merge' && book.below) {
            merge(book)
            book = book.below
          }
        }
        for (; book.below; book = book.below) merge(book)
        assert.deepEqual(plain(book), plain(live.book))
      }),
      runs(200),
    )
  })

  it('changes nothing until it is committed', () => {
    everywhere((it, live) => {
      for (const { now, received } of stepsOf(it, live.nextId)) {
        const below = structuredClone(plain(live.book))
        const middle = fork(live.book)
        decide({ ...live, book: middle }, [received], now)
        assert.deepEqual(plain(middle), plain(fork(live.book)))
        assert.deepEqual(plain(live.book), below)
        take(live, [received], now)
      }
    }, 100)
  })

  it('comes to the same decided together as one by one', () => {
    everywhere((it, live) => {
      const together = openLive(it.accounts)
      const commands = stepsOf(it, live.nextId).map(({ received }) => received)
      const now = start + 1
      const alone = commands.flatMap((received) => take(live, [received], now))
      assert.deepEqual(take(together, commands, now), alone)
      assert.deepEqual(plain(together.book), plain(live.book))
      assert.deepEqual(together.log, live.log)
    }, 200)
  })

  it('comes to the same as a batch, each for itself, as it does one by one', () => {
    everywhere((it, live) => {
      const alone = openLive(it.accounts)
      for (const { items: drawn } of it.batches) {
        const items = drawn.map(unseen)
        const record = (transactions: typeof items) => {
          const data = { transactions: [...transactions], atomic: false }
          return receivedOf(recordTransactions, data, { nextId: live.nextId })
        }
        const [batch] = take(live, [record(items)], start)
        const each = items.flatMap((item) => take(alone, [record([item])], start))
        assert.deepEqual(wordsOf(batch!), each.flatMap(wordsOf))
        assert.deepEqual(balances(live.book), balances(alone.book))
      }
    }, 200)
  })

  it('is answered alike under a key however often it is sent', () => {
    everywhere((it, live) => {
      const { nextId } = live
      const keyed = it.batches.flatMap(({ items, isAtomic, settlements }, place) => {
        const data = { transactions: [...items], atomic: isAtomic }
        return [
          () => receivedOf(recordTransactions, data, { nextId, key: `key-${place}` }),
          ...settlements.map((one, count) => () => settling(one, nextId, `key-${place}-${count}`)),
        ]
      })
      const first = keyed.flatMap((make) => take(live, [make()], start))
      const { length } = live.log
      const stored = keyed.map((make) => {
        const { key } = make()
        return live.log.some(({ metadata }) => metadata.idempotency_key === key?.value)
      })
      for (const [place, make] of keyed.entries()) {
        if (!stored[place]) continue
        const [again] = take(live, [make()], start)
        assert.deepEqual(again, { ...first[place], isReplay: true })
      }
      assert.equal(live.log.length, length)
    }, 200)
  })
})

const balances = (book: Book) => [...book.accounts].map(([, { code, posted }]) => [code, posted])
