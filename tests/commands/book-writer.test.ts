import assert from 'node:assert/strict'
import type { Appended, BookLog } from '../../src/commands/book-log.ts'
import { answerWithin, bookWriter } from '../../src/commands/book-writer.ts'
import { closePeriod } from '../../src/commands/close-period.ts'
import type { BalanceIndex } from '../../src/commands/fetch-trial-balance.ts'
import { postHold } from '../../src/commands/post-hold.ts'
import type { Outcome } from '../../src/commands/received.ts'
import { recordTransactions } from '../../src/commands/record-transactions.ts'
import { voidHold } from '../../src/commands/void-hold.ts'
import type { Recorded } from '../../src/domain/events/index.ts'
import { byTheWriter, Rejected, type RejectionCode, reject } from '../../src/domain/rejection.ts'
import { trialBalanceHash } from '../../src/domain/trial-balance.ts'
import type { StoredEvent } from '../../src/domain/upcast.ts'
import { noBalances } from '../support/facts.ts'
import { meetCode } from '../support/met-codes.ts'
import { bookId, idSource, receivedOf } from '../support/received.ts'
import { codesOf, setUpWriter } from '../support/told-writer.ts'

const unknown: Appended = { kind: 'unknown', error: new Error('no answer came') }
const wrong: Appended = { kind: 'wrong_revision' }

describe('a book writer', () => {
  const met = new Set<string>()
  const codes = (results: PromiseSettledResult<Outcome>[]) => {
    const found = codesOf(results)
    for (const code of found) {
      met.add(code)
      meetCode(code)
    }
    return found
  }

  it('appends what waits in one call', async () => {
    const { writer, settled, open, transfer, store, calls, told, time } = setUpWriter()
    const began = time.now()
    await open()
    const before = calls.appends
    const many = Array.from({ length: 100 }, () => writer.submit(transfer()))
    assert.deepEqual(new Set(codes(await settled(many))), new Set(['done']))
    assert.equal(calls.appends, before + 1)
    assert.equal(store.events.length, 102)
    assert.deepEqual(told, store.events)
    assert.equal(time.now(), began, 'nothing is waited for')
  })

  it('is idle when nothing waits and nothing is being appended', async () => {
    const { writer, settled, open, transfer, faults } = setUpWriter()
    await open()
    assert(writer.isIdle())
    const found: boolean[] = []
    faults.append = async () => {
      found.push(writer.isIdle())
      return null
    }
    await settled([writer.submit(transfer())])
    assert.deepEqual([...found, writer.isIdle()], [false, true])
  })

  it('keeps the order in which commands came', async () => {
    const { writer, settled, open, transfer } = setUpWriter()
    await open()
    const results = await settled([1, 2, 3].map(() => writer.submit(transfer())))
    const revisions = results.map((one) => one.status === 'fulfilled' && one.value.revision)
    assert.deepEqual(revisions, [2, 3, 4])
  })

  it('splits a group that is larger than an append may be', async () => {
    const { writer, settled, open, store, calls, faults } = setUpWriter()
    await open()
    const before = calls.appends
    const nextId = idSource('b')
    // Those that did not fit must not come twice where the group is outrun.
    faults.append = async () => (calls.appends === before + 1 ? wrong : null)
    const large = () => {
      const one = { transfers: [{ from: 'a', to: 'b', amount: '1' }], description: 'x'.repeat(900) }
      const data = { transactions: Array.from({ length: 600 }, () => one), atomic: true }
      return writer.submit(receivedOf(recordTransactions, data, { nextId }))
    }
    assert.deepEqual(codes(await settled([large(), large(), large()])), ['done', 'done', 'done'])
    assert.equal(store.events.length, 5)
    assert.equal(calls.appends, before + 4)
  })

  it('gives a twin in the same group the same answer', async () => {
    const { writer, settled, open, transfer, store } = setUpWriter()
    await open()
    const twins = await settled([1, 2].map(() => writer.submit(transfer('a', 'b', 'key'))))
    const answers = twins.map((twin) => twin.status === 'fulfilled' && twin.value)
    assert(answers[0] && answers[1])
    assert.deepEqual(answers[1], { ...answers[0], isReplay: true })
    assert.equal(store.events.length, 3)
  })

  it('reads no event for a key that was never used', async () => {
    const { writer, settled, open, transfer, calls } = setUpWriter()
    await open()
    const before = { ...calls }
    codes(await settled([writer.submit(transfer('a', 'b', 'key'))]))
    assert.deepEqual(calls, { ...before, appends: before.appends + 1 })
  })

  it('reads no event to end a hold that is open, whose id may be in capitals', async () => {
    const { writer, settled, open, nextId, calls } = setUpWriter()
    await open()
    const id = 'c11e4700-0000-7000-8000-000000000001'
    const transfers = [{ from: 'a', to: 'b', amount: '2' }]
    const transactions = [{ id, status: 'pending' as const, transfers }]
    const hold = receivedOf(recordTransactions, { transactions, atomic: true }, { nextId })
    await settled([writer.submit(hold)])
    const before = { ...calls }
    const post = { transaction: id, amount: '1', remainder: 'keep' as const }
    codes(await settled([writer.submit(receivedOf(postHold, post, { nextId }))]))
    codes(
      await settled([
        writer.submit(receivedOf(voidHold, { transaction: id.toUpperCase() }, { nextId })),
      ]),
    )
    assert.deepEqual(calls, { ...before, appends: before.appends + 2 })
  })

  it('reads the tail before it refuses, and decides again if it was behind', async () => {
    const { writer, elsewhere, settled, open, transfer, accounts } = setUpWriter()
    await open()
    await settled([elsewhere.submit(accounts('c'))])
    assert.deepEqual(codes(await settled([writer.submit(transfer('a', 'c'))])), ['done'])
  })

  it('is outrun five times at most', async () => {
    const { writer, settled, open, transfer, faults, calls, store, time } = setUpWriter()
    await open()
    const before = calls.appends
    const began = time.now()
    faults.append = async () => wrong
    // The group is halved each time, down to 62: those who are left then have five tries too.
    const many = Array.from({ length: 100 }, () => writer.submit(transfer()))
    assert.deepEqual(new Set(codes(await settled(many))), new Set(['write_contention']))
    assert(time.now() < began + 2_000, 'nothing is left to wait for')
    assert.equal(calls.appends, before + 10)
    assert.equal(store.events.length, 2)
    faults.append = null
    assert.deepEqual(codes(await settled([writer.submit(transfer())])), ['done'])
  })

  it('says that an outcome is unknown while it is, and takes nothing else meanwhile', async () => {
    const { writer, settled, open, transfer, faults, time, store, warnings } = setUpWriter()
    await open()
    const began = time.now()
    faults.append = async () => (time.now() < began + 20_000 ? unknown : null)
    const first = writer.submit(transfer('a', 'b', 'key'))
    const late = time.sleep(500).then(() => writer.submit(transfer()))
    const toldAt = late.catch(time.now).then(() => time.now() - began)
    assert.deepEqual(codes(await settled([first, late])), ['outcome_unknown', 'store_unavailable'])
    assert.equal(await toldAt, 500)
    assert.deepEqual(warnings, ['append unsettled', 'append settled'])
    assert.equal(store.events.length, 3)
    const again = await settled([writer.submit(transfer('a', 'b', 'key'))])
    assert.deepEqual(codes(again), ['done'])
    assert.equal(store.events.length, 3)
  })

  it('fails what the store does not let it write, and goes on', async () => {
    const { writer, settled, open, transfer, faults, calls, store } = setUpWriter()
    await open()
    for (const why of ['denied', 'deleted'] as const) {
      faults.append = async () => ({ kind: 'refused', why })
      const before = calls.appends
      const refused = codes(await settled([writer.submit(transfer()), writer.submit(transfer())]))
      assert.deepEqual(refused, ['store_unavailable', 'store_unavailable'])
      assert.equal(calls.appends, before + 1)
      assert.equal(store.events.length, 2)
    }
    faults.append = null
    assert.deepEqual(codes(await settled([writer.submit(transfer())])), ['done'])
  })

  it('does not take a denial for the fate of an attempt that went before', async () => {
    const { writer, settled, open, transfer, faults, calls, store } = setUpWriter()
    await open()
    const first = calls.appends + 1
    faults.append = async () => {
      if (calls.appends === first) return unknown
      return calls.appends < first + 5 ? { kind: 'refused', why: 'denied' } : null
    }
    assert.deepEqual(codes(await settled([writer.submit(transfer())])), ['done'])
    assert.equal(store.events.length, 3)
  })

  it('sends less at once to a store that takes less, and tells whose event is too large', async () => {
    const { writer, settled, open, transfer, options, store } = setUpWriter()
    await open()
    const { append } = options.log
    const isLarge = ({ data }: StoredEvent) => JSON.stringify(data).length > 2_000
    Object.assign(options.log, {
      append: async (...what: Parameters<typeof append>): Promise<Appended> =>
        what[2].length > 10 || what[2].some(isLarge)
          ? { kind: 'refused', why: 'too_large' }
          : append(...what),
    })
    const large = () => transfer('a', 'b', null, 'x'.repeat(900).repeat(3))
    const sent = Array.from({ length: 30 }, (_, at) => (at % 10 === 3 ? large() : transfer()))
    const found = codes(await settled(sent.map((one) => writer.submit(one))))
    const expected = sent.map((_, at) => (at % 10 === 3 ? 'too_large' : 'done'))
    assert.deepEqual(found, expected)
    assert.equal(store.events.length, 2 + 27)
  })

  it('lets those who wait behind an unsettled append know that they were not stored', async () => {
    const { writer, settled, open, transfer, faults, time, store } = setUpWriter()
    await open()
    const began = time.now()
    faults.append = async () => {
      await time.sleep(300)
      return time.now() < began + 20_000 ? unknown : null
    }
    const first = writer.submit(transfer())
    const behind = time.sleep(100).then(() => writer.submit(transfer()))
    const results = codes(await settled([first, behind]))
    assert.deepEqual(results, ['outcome_unknown', 'store_unavailable'])
    assert.equal(store.events.length, 3)
    assert(writer.isIdle())
  })

  describe('closing a period', () => {
    const through = '2024-02-29'
    const close = (nextId: () => string) => receivedOf(closePeriod, { through }, { nextId })
    const early = { effective_at: '2024-02-01', transfers: [{ from: 'a', to: 'b', amount: '5' }] }
    const pay = (nextId: () => string) =>
      receivedOf(recordTransactions, { transactions: [early], atomic: true }, { nextId })
    /** What the closings say of `a`, an account that was paid from `times`, five each. */
    const hashOf = (store: { readonly events: readonly Recorded[] }, times: number): string => {
      const opened = store.events[1]
      assert(opened?.type === 'AccountsOpened')
      const [a, b] = opened.data.accounts.map(({ id }) => id) as [string, string]
      const amount = String(5 * times)
      return trialBalanceHash([
        { account_id: a, currency: 'EUR', debit: '0', credit: amount },
        { account_id: b, currency: 'EUR', debit: amount, credit: '0' },
      ])
    }
    const hashes = (store: { readonly events: readonly Recorded[] }) =>
      store.events.flatMap(({ type, data }) =>
        type === 'PeriodClosed'
          ? [(data as { trial_balance_hash: string }).trial_balance_hash]
          : [],
      )

    it('rests on all that its group holds before it, and on nothing after it', async () => {
      const { writer, settled, open, store, nextId } = setUpWriter()
      await open()
      const group = [pay(nextId), pay(nextId), close(nextId), pay(nextId), pay(nextId)]
      const results = codes(await settled(group.map(writer.submit)))
      const after = ['period_closed', 'period_closed']
      assert.deepEqual(results, ['done', 'done', 'done', ...after])
      assert.deepEqual(hashes(store), [hashOf(store, 2)])
    })

    it('adds the book up where the balances never come, are older, or of another log', async () => {
      const older: BalanceIndex = async () => ({ revision: 1, balance: new Map() })
      const another: BalanceIndex = async () => ({
        revision: 99,
        balance: new Map([['x', { currency: 'EUR', debit: 1n }]]),
      })
      const away: BalanceIndex = async () => {
        throw new Error('connect ECONNREFUSED')
      }
      for (const balances of [older, another, away, () => new Promise<never>(() => {})]) {
        const { options, settled, open, store, nextId } = setUpWriter()
        await open()
        const writer = bookWriter(bookId, { ...options, balances })
        const results = await settled([pay(nextId), close(nextId)].map(writer.submit))
        assert.deepEqual(codes(results), ['done', 'done'])
        assert.deepEqual(hashes(store), [hashOf(store, 1)])
      }
    })

    it('adds to the balances only what they have not seen', async () => {
      const { options, settled, open, store, nextId } = setUpWriter()
      await open()
      assert(store.events[1]?.type === 'AccountsOpened')
      const [a, b] = store.events[1].data.accounts.map(({ id }) => id) as [string, string]
      const first = bookWriter(bookId, options)
      await settled([pay(nextId), pay(nextId)].map(first.submit))
      // As if the first payment had been one of twenty.
      for (const [revision, debit] of [
        [2, 20n],
        [3, 25n],
      ] as const) {
        store.events.splice(4)
        const balances: BalanceIndex = async () => ({
          revision,
          balance: new Map([
            [a, { currency: 'EUR', debit: -debit }],
            [b, { currency: 'EUR', debit }],
          ]),
        })
        const writer = bookWriter(bookId, { ...options, balances })
        assert.deepEqual(codes(await settled([writer.submit(close(nextId))])), ['done'])
        assert.deepEqual(hashes(store), [hashOf(store, 5)])
      }
    })

    it('is given up where adding up takes too long, and the book goes on', async () => {
      const { options, time, settled, open, store, nextId, transfer } = setUpWriter()
      await open()
      const read: BookLog['read'] = async function* (id, from, limit) {
        for await (const event of options.log.read(id, from, limit)) {
          if (limit !== undefined && limit > 1) await time.sleep(2_000)
          yield event
        }
      }
      const writer = bookWriter(bookId, { ...options, log: { ...options.log, read } })
      await settled([writer.submit(transfer())])
      assert.deepEqual(codes(await settled([writer.submit(close(nextId))])), ['store_unavailable'])
      assert.deepEqual(codes(await settled([writer.submit(transfer())])), ['done'])
      assert.deepEqual(hashes(store), [])
    })

    it('does not close on a part of the book, where a read ends before it should', async () => {
      const { writer, settled, open, store, nextId, options } = setUpWriter()
      await open()
      assert.deepEqual(codes(await settled([writer.submit(pay(nextId))])), ['done'])
      const { read } = options.log
      Object.assign(options.log, {
        read: (id: string, from: number) => read(id, from, 1),
      })
      const { length } = store.events
      assert.deepEqual(codes(await settled([writer.submit(close(nextId))])), ['store_unavailable'])
      assert.equal(store.events.length, length)
    })

    it('costs nothing for one who may not close it', async () => {
      const { options, settled, open, nextId } = setUpWriter()
      await open()
      let questions = 0
      const balances: BalanceIndex = async (...what) => {
        questions++
        return noBalances(...what)
      }
      const writer = bookWriter(bookId, { ...options, balances })
      const stranger = { ...close(nextId), actor: nextId(), isAdmin: false }
      assert.deepEqual(codes(await settled([writer.submit(stranger)])), ['book_not_found'])
      assert.equal(questions, 0)
      assert.deepEqual(codes(await settled([writer.submit(close(nextId))])), ['done'])
      assert.equal(questions, 1)
    })
  })

  it('never stores what it called unavailable while it was still reading the book', async () => {
    const { elsewhere, settled, open, transfer, time, store, options } = setUpWriter()
    await open()
    const slow = bookWriter(bookId, {
      ...options,
      log: {
        ...options.log,
        read: async function* (...what) {
          await time.sleep(answerWithin + 1_000)
          yield* options.log.read(...what)
        },
      },
    })
    assert.deepEqual(codes(await settled([slow.submit(transfer())])), ['store_unavailable'])
    assert.equal(store.events.length, 2)
    assert.deepEqual(codes(await settled([slow.submit(transfer())])), ['done'])
    assert.deepEqual(codes(await settled([elsewhere.submit(transfer())])), ['done'])
  })

  it('does not call a refusal unknown that takes too long after an append', async () => {
    const { settled, open, transfer, accounts, time, options } = setUpWriter()
    await open()
    const head = async (id: string) => {
      await time.sleep(answerWithin + 1_000)
      return options.log.head(id)
    }
    const slow = bookWriter(bookId, { ...options, log: { ...options.log, head } })
    assert.deepEqual(codes(await settled([slow.submit(accounts('c'))])), ['done'])
    const refused = slow.submit(transfer('a', 'nowhere'))
    assert.deepEqual(codes(await settled([refused])), ['store_unavailable'])
  })

  it('goes on from where a read broke off', async () => {
    const { elsewhere, settled, open, transfer, faults } = setUpWriter()
    await open()
    faults.read = () => {
      throw new Rejected(reject('store_unavailable'))
    }
    const found: string[] = []
    for (let attempt = 0; attempt < 3; attempt++) {
      found.push(...codes(await settled([elsewhere.submit(transfer())])))
    }
    assert.deepEqual(found, ['store_unavailable', 'store_unavailable', 'done'])
  })

  it('keeps its book when a read fails after that', async () => {
    const { writer, settled, open, transfer, options, calls } = setUpWriter()
    await open()
    const { log } = options
    const { head } = log
    Object.assign(log, {
      head: async () => {
        throw new Rejected(reject('store_unavailable'))
      },
    })
    const refused = codes(await settled([writer.submit(transfer('a', 'nowhere'))]))
    assert.deepEqual(refused, ['store_unavailable'])
    Object.assign(log, { head })
    const before = calls.reads
    const results = await settled([writer.submit(transfer('a', 'nowhere'))])
    assert.deepEqual(codes(results), ['account_not_found'])
    assert.equal(calls.reads, before)
  })

  it('does not build on an event that does not follow the last one it knows', async () => {
    const { writer, elsewhere, settled, open, transfer, store, accounts, options } = setUpWriter()
    await open()
    await settled([elsewhere.submit(accounts('c'))])
    // The log is restored from an older copy and goes on otherwise.
    const kept = store.events.splice(1)
    assert.equal(kept.length, 2)
    const after = bookWriter(bookId, options)
    await settled([after.submit(accounts('a', 'x'))])
    await settled([after.submit(accounts('y'))])
    await settled([after.submit(accounts('z'))])
    // There is no b in the log as it is now.
    assert.deepEqual(codes(await settled([writer.submit(transfer())])), ['account_not_found'])
    assert.deepEqual(codes(await settled([writer.submit(transfer('a', 'z'))])), ['done'])
    for (const [index, event] of store.events.entries()) {
      if (index > 0)
        assert.equal(event.metadata.previous_hash, store.events[index - 1]!.metadata.hash)
    }
  })

  it('takes no other event at the revision it knows for the one that it knows', async () => {
    const { writer, settled, open, transfer, store, accounts, options } = setUpWriter()
    await open()
    const key = 'kept'
    assert.deepEqual(codes(await settled([writer.submit(transfer('a', 'b', key))])), ['done'])
    store.events.splice(1)
    const after = bookWriter(bookId, options)
    await settled([after.submit(accounts('a', 'x'))])
    await settled([after.submit(accounts('y'))])
    // It has the answer in memory, and the log has lost what that rests on.
    const again = await settled([writer.submit(transfer('a', 'b', key))])
    assert.deepEqual(codes(again), ['account_not_found'])
    assert.deepEqual(codes(await settled([writer.submit(transfer('a', 'x'))])), ['done'])
  })

  it('reads the book anew when the log is older than what it knew', async () => {
    const { writer, settled, open, transfer, store, accounts } = setUpWriter()
    await open()
    store.events.splice(1)
    assert.deepEqual(codes(await settled([writer.submit(transfer())])), ['account_not_found'])
    assert.deepEqual(codes(await settled([writer.submit(accounts('a', 'b'))])), ['done'])
  })

  it('takes 20,000 commands and no more', async () => {
    const { writer, settled, open, transfer } = setUpWriter()
    await open()
    const one = transfer()
    const waiting = Array.from({ length: 20_001 }, () => writer.submit(one))
    waiting.splice(0, 20_000).forEach((promise) => void promise.catch(() => {}))
    assert.deepEqual(codes(await settled(waiting)), ['overloaded'])
  })

  it('fails the command whose decision is a mistake of ours, and no other', async () => {
    const { writer, settled, open, transfer } = setUpWriter()
    await open()
    const mistaken = transfer()
    const broken = {
      ...mistaken,
      command: {
        ...mistaken.command,
        decide: () => {
          throw new TypeError('a mistake')
        },
      },
    }
    const group = [transfer(), broken, transfer()].map(writer.submit)
    assert.deepEqual(codes(await settled(group)), ['done', 'TypeError: a mistake', 'done'])
  })

  it('fails a command that looks up what it does not mention', async () => {
    const { writer, settled, open, transfer } = setUpWriter()
    await open()
    const honest = transfer()
    const hidden = {
      ...honest,
      command: {
        ...honest.command,
        decide: (...[, , { eventOf }]: Parameters<typeof honest.command.decide>) => {
          eventOf({ kind: 'transaction', key: 'x' })
          throw new Error('it was let through')
        },
      },
    }
    const problem = 'RecordTransactions looks up transaction x but does not mention it'
    assert.deepEqual(codes(await settled([writer.submit(hidden)])), [`Error: ${problem}`])
  })

  describe('whose snapshot is stored', () => {
    /** Each pause of packing takes a while, and ten accounts are enough for a snapshot. */
    const setUpPacking = () => {
      const one = setUpWriter()
      const { options, time } = one
      const pause = () => time.sleep(10)
      const limits = { ...options.limits, snapshotEvery: 10 }
      const accounts = one.accounts(...'abcdefghij'.split(''))
      return { ...one, accounts, writer: bookWriter(bookId, { ...options, limits, pause }) }
    }

    it('takes less memory afterwards, once it rests or takes another command', async () => {
      const { writer, settled, book, accounts, transfer } = setUpPacking()
      await settled([writer.submit(book()), writer.submit(accounts)])
      const before = writer.bytes()
      assert.deepEqual(codes(await settled([writer.submit(transfer())])), ['done'])
      assert(writer.bytes() < before)
      const resting = setUpPacking()
      await resting.settled([resting.book(), resting.accounts].map(resting.writer.submit))
      assert.equal(resting.writer.bytes(), before)
      resting.writer.rest()
      assert(resting.writer.bytes() < before)
    })

    it('does not rest while a group stands on the book', async () => {
      const { writer, settled, book, accounts, transfer, time, faults, calls } = setUpPacking()
      await settled([writer.submit(book())])
      faults.append = async () => {
        await time.sleep(1_000)
        writer.rest()
        return null
      }
      const paid = time.sleep(500).then(() => writer.submit(transfer()))
      assert.deepEqual(codes(await settled([writer.submit(accounts), paid])), ['done', 'done'])
      const before = { ...calls }
      assert.deepEqual(codes(await settled([writer.submit(transfer())])), ['done'])
      assert.deepEqual(calls, { ...before, appends: before.appends + 1 })
    })
  })

  it('gives every answer that is a writer’s own', () => {
    const missing = Object.keys(byTheWriter).filter((code) => !met.has(code as RejectionCode))
    assert.deepEqual(missing, [])
  })
})
