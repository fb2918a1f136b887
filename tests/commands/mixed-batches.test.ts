import assert from 'node:assert/strict'
import fc from 'fast-check'
import { applyBatch } from '../../src/commands/apply-batch.ts'
import { openAccounts } from '../../src/commands/open-accounts.ts'
import type { Outcome, Received } from '../../src/commands/received.ts'
import { recordTransactions } from '../../src/commands/record-transactions.ts'
import { available } from '../../src/domain/account.ts'
import { type Book, emptyBook } from '../../src/domain/book.ts'
import { evolve } from '../../src/domain/evolve.ts'
import { upcast } from '../../src/domain/upcast.ts'
import { itemOf } from '../support/batch-item.ts'
import { type History, history, runs, start, unseen } from '../support/histories.ts'
import { type Live, naive, openLive, take, takeAll, toNaive } from '../support/live-book.ts'
import type { NaiveItem } from '../support/naive-ledger.ts'
import { bookId, receivedOf } from '../support/received.ts'
import { plain, wordOf } from '../support/run-table.ts'
import { settling } from '../support/settling.ts'

/** A single command, and the same for the naive model. */
type Item = { readonly single: Received; readonly naive: NaiveItem }
type Batch = { readonly now: number; readonly isAtomic: boolean; readonly items: readonly Item[] }

/** The batches of a history with what is done later among the rest; the first opens the accounts. */
const batchesOf = ({ accounts, batches }: History, nextId: () => string): Batch[] => {
  const opening = [...accounts, ...accounts.slice(0, 1)].map((account): Item => {
    const single = receivedOf(openAccounts, { accounts: [account] }, { nextId })
    return { single, naive: { kind: 'open', account: toNaive(account) } }
  })
  let now = start
  return batches.map(({ laterBy, isAtomic, items, settlements }, place) => {
    now += laterBy
    const all = items.map(unseen).flatMap((request, index): Item[] => {
      const data = { transactions: [request], atomic: true }
      const single = receivedOf(recordTransactions, data, { nextId })
      const settlement = settlements[index]
      return [
        { single, naive: { kind: 'record', request } },
        ...(settlement ? [{ single: settling(settlement, nextId), naive: settlement }] : []),
      ]
    })
    // All are there though one is opened twice, for what is atomic would have none.
    return place === 0
      ? { now, isAtomic: false, items: [...opening, ...all] }
      : { now, isAtomic, items: all }
  })
}

const batchOf = ({ isAtomic, items }: Batch, nextId: () => string, key: string | null = null) => {
  const data = { items: items.map(({ single }) => itemOf(single)), atomic: isAtomic }
  return receivedOf(applyBatch, data, { nextId, key })
}

const wordsOf = (outcome: Outcome): string[] => {
  if (outcome.kind === 'refused') return [outcome.rejection.code]
  assert(outcome.event?.type === 'BatchApplied')
  return outcome.event.data.items.map(wordOf)
}

const wordOfSingle = (outcome: Outcome, { naive: { kind } }: Item): string => {
  if (outcome.kind === 'refused') return outcome.rejection.code
  const { event } = outcome
  if (event?.type === 'TransactionsRecorded' && event.data.existing.length > 0) return 'existing'
  return words[kind]
}

const words = {
  open: 'opened',
  record: 'recorded',
  post: 'posted',
  void: 'voided',
  reverse: 'reversed',
  freeze: 'frozen',
  unfreeze: 'unfrozen',
}

/** Accounts by their codes, as far as it does not matter in how many events they came about. */
const accountsOf = (book: Book, now: number) =>
  [...book.accounts].map(([, account]) => {
    const { code, status, posted, pendingIncrease, pendingDecrease } = account
    return { code, status, posted, left: available(account, now), pendingIncrease, pendingDecrease }
  })

const holdsOf = (book: Book) => [...book.holds].sort(([one], [other]) => (one < other ? -1 : 1))

const everywhere = (what: (it: History, live: Live) => void, numRuns: number) =>
  fc.assert(
    fc.property(history, (it) => what(it, openLive([]))),
    runs(numRuns),
  )

describe('a batch of all kinds', () => {
  it('comes to the same, each for itself, as its commands one by one', () => {
    everywhere((it, live) => {
      const alone = openLive([])
      for (const batch of batchesOf(it, live.nextId)) {
        const { now, items } = batch
        const [outcome] = take(live, [batchOf({ ...batch, isAtomic: false }, live.nextId)], now)
        const singles = items.map((item) => wordOfSingle(take(alone, [item.single], now)[0]!, item))
        assert.deepEqual(wordsOf(outcome!), singles)
        assert.deepEqual(accountsOf(live.book, now), accountsOf(alone.book, now))
        assert.deepEqual(holdsOf(live.book).map(withoutIds), holdsOf(alone.book).map(withoutIds))
      }
    }, 80)
  })

  const met = new Set<string>()

  it('is decided as the naive model decides it, atomic or not', () => {
    everywhere((it, live) => {
      const model = naive([])
      for (const batch of batchesOf(it, live.nextId)) {
        const { now, isAtomic, items } = batch
        const before = plain(live.book)
        const expected = model.doBatch(
          items.map((item) => item.naive),
          isAtomic,
          now,
        )
        const [outcome] = take(live, [batchOf(batch, live.nextId)], now)
        assert.deepEqual(wordsOf(outcome!), expected)
        if (outcome!.kind === 'refused') assertExpiredOnly(live.book, before)
        else for (const word of expected) met.add(isAtomic ? `all ${word}` : word)
        for (const { code } of it.accounts) {
          const account = accountsOf(live.book, now).find((one) => one.code === code)!
          assert.equal(account.posted, model.posted(code))
          assert.equal(account.left, model.available(code, now))
          assert.equal(account.pendingIncrease, model.pendingIncrease(code))
        }
      }
    }, 400)
  })

  it('succeeds in every kind there, for histories without one prove nothing about it', () => {
    for (const word of [...Object.values(words), 'existing', 'all posted', 'all reversed']) {
      assert.ok(met.has(word), word)
    }
  })

  it('makes the same book again when its events are folded from the first one', () => {
    everywhere((it, live) => {
      for (const batch of batchesOf(it, live.nextId)) {
        take(live, [batchOf(batch, live.nextId)], batch.now)
      }
      const again = emptyBook(bookId)
      for (const event of live.log) evolve(again, upcast(JSON.parse(JSON.stringify(event))))
      assert.deepEqual(plain(again), plain(live.book))
    }, 50)
  })

  it('comes to the same decided together with others as alone', () => {
    everywhere((it, live) => {
      const together = openLive([])
      const commands = batchesOf(it, live.nextId).flatMap((batch) => [
        batchOf(batch, live.nextId),
        ...batch.items.slice(0, 2).map(({ single }) => single),
      ])
      const now = start + 1
      const alone = commands.flatMap((received) => take(live, [received], now))
      assert.deepEqual(takeAll(together, commands, now), alone)
      assert.deepEqual(together.log, live.log)
    }, 50)
  })

  it('is answered alike under a key however often it is sent, and stored once', () => {
    everywhere((it, live) => {
      const batches = batchesOf(it, live.nextId)
      const make = (place: number) => batchOf(batches[place]!, live.nextId, `key-${place}`)
      const first = batches.map((_, place) => take(live, [make(place)], start)[0]!)
      const { length } = live.log
      for (const [place] of batches.entries()) {
        const isStored = live.log.some(
          ({ metadata }) => metadata.idempotency_key === `key-${place}`,
        )
        if (!isStored) continue
        const [again] = take(live, [make(place)], start)
        assert.deepEqual(again, { ...first[place], isReplay: true })
      }
      assert.equal(live.log.length, length)
    }, 50)
  })

  it('stands in the log as parts, each with an id of its own, and then its end', () => {
    everywhere((it, live) => {
      const ids = new Set<string>()
      for (const batch of batchesOf(it, live.nextId)) {
        const { length } = live.log
        const received = batchOf(batch, live.nextId)
        take(live, [received], batch.now)
        const made = live.log.slice(length).filter(({ type }) => type !== 'HoldExpired')
        for (const { id, metadata } of made) {
          assert.equal(metadata.causation_id, received.commandId)
          assert.ok(!ids.has(id), `${id} is there twice`)
          ids.add(id)
        }
        if (made.length > 0) assert.equal(made.at(-1)!.id, received.commandId)
        const salts = made.flatMap(({ metadata }) => metadata.leaf_salt ?? [])
        assert.equal(new Set(salts).size, salts.length)
      }
    }, 50)
  })
})

/** Ids that were drawn differ from one book to the other. */
const withoutIds = ([, hold]: ReturnType<typeof holdsOf>[number]) =>
  hold && { ...hold, id: '', entries: hold.entries.map(({ account: _, ...rest }) => rest) }

/** A batch that was refused leaves the book as it was, but for holds whose time was over. */
const assertExpiredOnly = (book: Book, before: ReturnType<typeof plain>): void => {
  const after = plain(book)
  if (after.revision !== before.revision) return
  assert.deepEqual(after, before)
}
