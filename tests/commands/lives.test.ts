import assert from 'node:assert/strict'
import fc from 'fast-check'
import { decideGroup } from '../../src/commands/decide-group.ts'
import { openAccounts } from '../../src/commands/open-accounts.ts'
import { openBook } from '../../src/commands/open-book.ts'
import type { Outcome, Received } from '../../src/commands/received.ts'
import { available } from '../../src/domain/account.ts'
import { type Book, emptyBook, findAccount, merge } from '../../src/domain/book.ts'
import type { Recorded } from '../../src/domain/events/index.ts'
import { evolve } from '../../src/domain/evolve.ts'
import { upcast } from '../../src/domain/upcast.ts'
import { factsFrom, outcomesOf } from '../support/facts.ts'
import { runs, start } from '../support/histories.ts'
import { commandOf, type Life, life } from '../support/lives.ts'
import { naiveLives, naiveWords } from '../support/naive-lives.ts'
import { bookId, idSource, receivedOf } from '../support/received.ts'
import { done, plain } from '../support/run-table.ts'

type Live = { readonly book: Book; readonly log: Recorded[]; readonly nextId: () => string }

/** Decides and commits, in as many groups as it takes. */
const take = (live: Live, group: readonly Received[], now: number): Outcome[] => {
  const outcomes: Outcome[] = []
  while (outcomes.length < group.length) {
    const rest = group.slice(outcomes.length)
    const decided = decideGroup(live.book, rest, factsFrom(live.book, rest, live.log), now)
    merge(decided.book)
    live.log.push(...decided.events)
    outcomes.push(...outcomesOf(decided))
  }
  return outcomes
}

const begin = (): Live => {
  const live: Live = { book: emptyBook(bookId), log: [], nextId: idSource() }
  const { nextId } = live
  const accounts = [{ code: 'world', type: 'equity', currency: 'EUR' } as const]
  take(live, [receivedOf(openBook, { name: 'main' }, { nextId })], start)
  take(live, [receivedOf(openAccounts, { accounts }, { nextId })], start)
  return live
}

const timed = (it: Life) => {
  let now = start
  return it.map(({ laterBy, deed }) => ({ deed, now: (now += laterBy) }))
}

const word = (outcome: Outcome | undefined): string => {
  assert(outcome)
  if (outcome.kind === 'refused') return outcome.rejection.code
  const { event } = outcome
  assert(event)
  if (event.type !== 'TransactionsRecorded') return done[event.type]
  return event.data.transactions.length > 0 ? 'recorded' : 'existing'
}

const openedIds = (log: readonly Recorded[]): string[] =>
  log.flatMap((event) =>
    event.type === 'AccountsOpened' ? event.data.accounts.map(({ id }) => id) : [],
  )

const everywhere = (what: (it: Life, live: Live) => void, numRuns: number) =>
  fc.assert(
    fc.property(life, (it) => what(it, begin())),
    runs(numRuns),
  )

describe('accounts and periods', () => {
  const met = new Set<string>()

  it('live as in the naive model, and periods are closed with the hash that it has', () => {
    everywhere((it, live) => {
      const model = naiveLives()
      for (const { deed, now } of timed(it)) {
        const expected = model.act(deed, now)
        const [outcome] = take(live, [commandOf(deed, live)], now)
        assert.equal(word(outcome), expected)
        met.add(expected)
        const ids = openedIds(live.log)
        for (const [place, one] of model.all.entries()) {
          const account = findAccount(live.book, ids[place]!)!
          const { code, status, posted } = account
          const shown = { code, status, posted, available: available(account, now) }
          const sums = { posted: model.posted(one), available: model.available(one, now) }
          assert.deepEqual(shown, {
            code: one.code,
            status: one.status,
            posted: BigInt(sums.posted),
            available: BigInt(sums.available),
          })
        }
        const event = live.log.at(-1)
        if (deed.kind === 'close period' && expected === 'closed' && event) {
          assert(event.type === 'PeriodClosed')
          assert.equal(event.data.trial_balance_hash, model.hash(deed.through, ids))
          assert.equal(event.data.revision, event.revision - 1)
        }
      }
    }, 400)
  })

  it('meet every rule there, for lives without one prove nothing about it', () => {
    assert.deepEqual([...met].sort(), naiveWords)
  })

  it('never have anything recorded as of a day that was closed then', () => {
    let closings = 0
    everywhere((it, live) => {
      for (const { deed, now } of timed(it)) take(live, [commandOf(deed, live)], now)
      let closed: { revision: number; end: string }[] = []
      for (const event of live.log) {
        if (event.type === 'PeriodClosed') {
          closed.push({ revision: event.revision, end: event.data.opens_at })
          closings++
        }
        if (event.type === 'PeriodReopened') {
          closed = closed.filter(({ revision }) => !event.data.closings.includes(revision))
        }
        if (event.type !== 'TransactionsRecorded') continue
        for (const { effective_at, requested_effective_at } of event.data.transactions) {
          for (const { end } of closed) assert(effective_at >= end)
          if (requested_effective_at !== undefined) assert.equal(effective_at, closed.at(-1)?.end)
        }
      }
    }, 300)
    assert(closings > 100)
  })

  it('make the same book again when their events are folded from the first one', () => {
    everywhere((it, live) => {
      for (const { deed, now } of timed(it)) take(live, [commandOf(deed, live)], now)
      const again = emptyBook(bookId)
      for (const event of live.log) evolve(again, upcast(JSON.parse(JSON.stringify(event))))
      assert.deepEqual(plain(again), plain(live.book))
    }, 300)
  })

  it('come to the same decided together as one by one', () => {
    everywhere((it, live) => {
      const together = begin()
      const commands = it.map(({ deed }) => commandOf(deed, live))
      const now = start + 86_400_000
      const alone = commands.flatMap((received) => take(live, [received], now))
      assert.deepEqual(take(together, commands, now), alone)
      assert.deepEqual(plain(together.book), plain(live.book))
      assert.deepEqual(together.log, live.log)
    }, 300)
  })

  it('are tried with the answer that they then get, and stay as they are', () => {
    everywhere((it, live) => {
      for (const { deed, now } of timed(it)) {
        const before = plain(live.book)
        const { length } = live.log
        const [tried] = take(live, [commandOf(deed, { ...live, isDryRun: true })], now)
        assert.deepEqual(plain(live.book), before)
        assert.equal(live.log.length, length)
        const [earnest] = take(live, [commandOf(deed, live)], now)
        assert.equal(word(tried), word(earnest))
      }
    }, 200)
  })

  it('are answered alike under a key however often it is sent', () => {
    everywhere((it, live) => {
      const now = start + 86_400_000
      const keyed = it.map(({ deed }, place) => () => {
        return commandOf(deed, { ...live, key: `key-${place}` })
      })
      const first = keyed.flatMap((make) => take(live, [make()], now))
      const { length } = live.log
      for (const [place, make] of keyed.entries()) {
        const isStored = live.log.some(
          ({ metadata }) => metadata.idempotency_key === `key-${place}`,
        )
        if (!isStored) continue
        const [again] = take(live, [make()], now)
        assert.deepEqual(again, { ...first[place], isReplay: true })
      }
      assert.equal(live.log.length, length)
    }, 200)
  })
})
