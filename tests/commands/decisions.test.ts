import assert from 'node:assert/strict'
import { closePeriod } from '../../src/commands/close-period.ts'
import { decideGroup } from '../../src/commands/decide-group.ts'
import { freezeAccount, unfreezeAccount } from '../../src/commands/freeze-account.ts'
import { postHold } from '../../src/commands/post-hold.ts'
import { recordTransactions } from '../../src/commands/record-transactions.ts'
import { reopenPeriod } from '../../src/commands/reopen-period.ts'
import { reverseTransaction } from '../../src/commands/reverse-transaction.ts'
import { findAccount, merge } from '../../src/domain/book.ts'
import { hashEvent } from '../../src/domain/chain.ts'
import type { Recorded } from '../../src/domain/events/index.ts'
import { lookupsOf } from '../../src/domain/lookup.ts'
import { trialBalanceHash } from '../../src/domain/trial-balance.ts'
import { factsFrom } from '../support/facts.ts'
import { start } from '../support/histories.ts'
import { decide, openLive, take } from '../support/live-book.ts'
import { receivedOf } from '../support/received.ts'

const account = (code: string) =>
  ({ code, type: 'asset', currency: 'EUR', min_balance: null, max_balance: null }) as const

const line = (account: string, direction: 'debit' | 'credit', amount = '1') =>
  ({ account, direction, amount }) as const

/** A transaction of so many entries. */
const ofEntries = (count: number) => [
  line('cash', 'credit', String(count - 1)),
  ...Array.from({ length: count - 1 }, () => line('bank', 'debit')),
]

describe('a transaction', () => {
  const outcomeOf = (transactions: readonly object[]) => {
    const live = openLive([account('cash'), account('bank')])
    const data = { transactions: [...transactions], atomic: true }
    const received = receivedOf(recordTransactions, data as never, { nextId: live.nextId })
    const [outcome] = take(live, [received], start)
    assert(outcome)
    return outcome
  }
  const codeOf = (entries: readonly object[], status?: 'pending') => {
    const outcome = outcomeOf([{ entries, ...(status && { status }) }])
    return outcome.kind === 'refused' ? outcome.rejection.code : 'recorded'
  }

  it('that is pending has at most 1,000 entries, and any other more', () => {
    assert.equal(codeOf(ofEntries(1_000), 'pending'), 'recorded')
    assert.equal(codeOf(ofEntries(1_001), 'pending'), 'invalid_request')
    assert.equal(codeOf(ofEntries(1_001)), 'recorded')
    const outcome = outcomeOf([{ entries: ofEntries(1_001), status: 'pending' }])
    assert(outcome.kind === 'refused')
    const reason = 'A pending transaction has at most 1000 entries; this has 1001.'
    assert.deepEqual(outcome.rejection.details, [{ path: '/entries', reason }])
  })

  it('that is too large is told so as the first time, at the revision of the book', () => {
    const large = { entries: ofEntries(2), description: 'x'.repeat(1_000) }
    const outcome = outcomeOf(Array.from({ length: 900 }, () => large))
    assert(outcome.kind === 'refused')
    assert.equal(outcome.rejection.code, 'too_large')
    assert.equal(outcome.isReplay, false)
    assert.equal(outcome.revision, 1)
  })
})

describe('an answer', () => {
  const live = openLive([account('cash'), account('bank')])
  const pay = () => {
    const transactions = [{ id: 'c11e4700-0000-7000-8000-000000000001', entries: ofEntries(2) }]
    const options = { nextId: live.nextId, key: live.nextId() }
    return receivedOf(recordTransactions, { transactions, atomic: true }, options)
  }

  it('names the event that was recorded: its own, or the one that was there', () => {
    const [own] = take(live, [pay()], start)
    const [other] = take(live, [pay()], start)
    assert(own?.kind === 'done' && other?.kind === 'done')
    assert.equal(own.recorded, live.log[2])
    assert.equal(other.recorded, live.log[2])
    assert.equal(other.event, live.log[3])
  })
})

describe('what is recorded', () => {
  it('is hashed as it is stored, whatever its texts are', () => {
    const live = openLive([account('cash'), account('bank')])
    const texts = ['plain', 'say "no"', 'back\\slash', 'new\nline', 'Grüße 日記 😀', '\u2028']
    const metadata = [
      { b: '1', a: '2' },
      { 1: 'one', a: '"' },
      { a: 'ä', b: '\t' },
    ]
    const contents = [
      ...texts.map((description) => ({ description })),
      ...metadata.map((metadata) => ({ metadata })),
    ]
    const transactions = contents.map((content) => ({ ...content, entries: ofEntries(2) }))
    const data = { transactions, atomic: true }
    take(live, [receivedOf(recordTransactions, data as never, { nextId: live.nextId })], start)
    for (const event of live.log)
      assert.equal(hashEvent(event, event.metadata), event.metadata.hash)
    assert.equal(live.log.length, 3)
  })
})

describe('a period', () => {
  it('moves what is posted of a hold, which then tells what was asked for', () => {
    const live = openLive([account('cash'), account('bank')])
    const { nextId } = live
    const transaction = 'c11e4700-0000-7000-8000-000000000001'
    const held = { id: transaction, status: 'pending' as const, entries: ofEntries(2) }
    const record = { transactions: [held], atomic: true }
    take(live, [receivedOf(recordTransactions, record, { nextId })], start)
    take(live, [receivedOf(closePeriod, { through: '2024-01-31' }, { nextId })], start)
    const part = { transaction, amount: '1', remainder: 'keep' as const }
    const moved = { effective_at: '2024-01-15', on_closed_period: 'roll_forward' as const }
    take(live, [receivedOf(postHold, { ...part, ...moved }, { nextId })], start)
    const event = live.log.at(-1)
    assert(event?.type === 'HoldPosted')
    assert.equal(event.data.effective_at, '2024-02-01T00:00:00.000Z')
    assert.equal(event.data.requested_effective_at, '2024-01-15T00:00:00.000Z')
  })

  it('adds up what is posted, and not what is held', () => {
    const live = openLive([account('cash'), account('bank')])
    const { nextId } = live
    const early = { effective_at: '2024-01-15', entries: ofEntries(2) }
    const transactions = [early, { ...early, status: 'pending' as const }]
    take(live, [receivedOf(recordTransactions, { transactions, atomic: true }, { nextId })], start)
    take(live, [receivedOf(closePeriod, { through: '2024-01-31' }, { nextId })], start)
    const [cash, bank] = ['cash', 'bank'].map((code) => findAccount(live.book, code)?.id as string)
    const closed = live.log.at(-1)
    assert(closed?.type === 'PeriodClosed')
    assert.equal(
      closed.data.trial_balance_hash,
      trialBalanceHash([
        { account_id: cash as string, currency: 'EUR', debit: '0', credit: '1' },
        { account_id: bank as string, currency: 'EUR', debit: '1', credit: '0' },
      ]),
    )
  })

  it('moves a reversal, which then tells what was asked for', () => {
    const live = openLive([account('cash'), account('bank')])
    const { nextId } = live
    const transaction = 'c11e4700-0000-7000-8000-000000000001'
    const early = { id: transaction, effective_at: '2024-01-15', entries: ofEntries(2) }
    const record = { transactions: [early], atomic: true }
    take(live, [receivedOf(recordTransactions, record, { nextId })], start)
    take(live, [receivedOf(closePeriod, { through: '2024-01-31' }, { nextId })], start)
    const moved = { effective_at: 'original', on_closed_period: 'roll_forward' } as const
    take(live, [receivedOf(reverseTransaction, { transaction, ...moved }, { nextId })], start)
    const event = live.log.at(-1)
    assert(event?.type === 'TransactionsRecorded')
    const [reversal] = event.data.transactions
    assert.equal(reversal?.effective_at, '2024-02-01T00:00:00.000Z')
    assert.equal(reversal?.requested_effective_at, '2024-01-15T00:00:00.000Z')
  })

  it('is reopened with those after it, the latest first', () => {
    const live = openLive([])
    const { nextId } = live
    for (const through of ['2024-01-31', '2024-02-10', '2024-02-20']) {
      take(live, [receivedOf(closePeriod, { through }, { nextId })], start)
    }
    assert.deepEqual(
      live.log.flatMap(({ type, data }) => (type === 'PeriodClosed' ? [data.from] : [])),
      [null, '2024-02-01', '2024-02-11'],
    )
    take(live, [receivedOf(reopenPeriod, { through: '2024-01-31' }, { nextId })], start)
    const last = live.log.at(-1)
    assert(last?.type === 'PeriodReopened')
    assert.deepEqual(last.data, { closings: [3, 2], through: '2024-01-31' })
  })
})

describe('a hold', () => {
  const transaction = 'c11e4700-0000-7000-8000-000000000001'
  const hold = () => {
    const live = openLive([account('cash'), account('bank'), account('till')])
    const entries = [
      line('cash', 'credit', '9'),
      line('bank', 'debit', '4'),
      line('till', 'debit', '5'),
    ]
    const transactions = [{ id: transaction, status: 'pending' as const, entries }]
    const { nextId } = live
    take(live, [receivedOf(recordTransactions, { transactions, atomic: true }, { nextId })], start)
    return live
  }
  const part = { transaction, entries: [line('cash', 'credit'), line('bank', 'debit')] }

  it('is settled by what ends it, and not by a part that is posted of it', () => {
    const live = hold()
    const { nextId } = live
    const settlements = () => lookupsOf(live.log.at(-1) as Recorded)
    const keep = { ...part, remainder: 'keep' as const }
    take(live, [receivedOf(postHold, keep, { nextId })], start)
    assert.deepEqual(settlements(), [])
    take(live, [receivedOf(postHold, { transaction }, { nextId })], start)
    assert.deepEqual(settlements(), [{ kind: 'settlement', key: transaction }])
  })

  it('leaves the account of an entry alone of which no part is posted', () => {
    const live = hold()
    const keep = { ...part, remainder: 'keep' as const }
    take(live, [receivedOf(postHold, keep, { nextId: live.nextId })], start)
    const revisions = ['cash', 'bank', 'till'].map(
      (code) => findAccount(live.book, code)?.balanceRevision,
    )
    assert.deepEqual(revisions, [3, 3, 2])
  })
})

describe('a group', () => {
  it('ends before a command for which something more must be fetched', () => {
    const live = openLive([account('cash'), account('bank')])
    const pay = () => {
      const transactions = [{ entries: ofEntries(2) }]
      return receivedOf(recordTransactions, { transactions, atomic: true }, { nextId: live.nextId })
    }
    const freeze = receivedOf(
      freezeAccount,
      { target: { account: 'cash', versions: null } },
      { nextId: live.nextId },
    )
    const group = [pay(), freeze, pay()]
    const facts = factsFrom(live.book, group, live.log)
    assert.equal(decideGroup(live.book, group, facts, start).outcomes.length, 3)
    const fewer = { ...facts, events: new Map() }
    assert.equal(decideGroup(live.book, group, fewer, start).outcomes.length, 1)
  })

  it('fails a command whose account is not defined by the event that is said to', () => {
    const live = openLive([account('cash'), account('bank')])
    const { nextId } = live
    const freeze = (account: string) =>
      receivedOf(freezeAccount, { target: { account, versions: null } }, { nextId })
    take(live, [freeze('bank'), freeze('cash')], start)
    const unfreeze = receivedOf(
      unfreezeAccount,
      { target: { account: 'cash', versions: null } },
      { nextId },
    )
    const facts = factsFrom(live.book, [unfreeze], live.log)
    const [revision] = facts.events.keys()
    assert(revision !== undefined)
    for (const event of [live.log[0], live.log[2]]) {
      const events = new Map([[revision, { ...(event as Recorded), revision }]])
      const { outcomes } = decideGroup(live.book, [unfreeze], { ...facts, events }, start)
      const [outcome] = outcomes
      assert(outcome?.kind === 'failed')
      assert.match(outcome.error.message, /does not define account/)
    }
  })

  it('counts the bytes of holds that expire in it', () => {
    const live = openLive([account('cash'), account('bank')])
    const { nextId } = live
    const record = (transactions: readonly object[]) => {
      const data = { transactions, atomic: true }
      return receivedOf(recordTransactions, data as never, { nextId })
    }
    const expires_at = new Date(start + 1_000).toISOString()
    const held = { status: 'pending', expires_at, entries: ofEntries(1_000) }
    for (let count = 0; count < 3; count++) take(live, [record([held])], start)
    const large = { entries: ofEntries(2), description: 'x'.repeat(1_000) }
    const pay = record(Array.from({ length: 500 }, () => large))
    assert.equal(decide(live, [pay], start).outcomes.length, 1)
    const first = decide(live, [pay], start + 2_000)
    assert.equal(first.events.length, 3)
    assert.deepEqual(first.outcomes, [])
  })
})

describe('holds that are over', () => {
  it('expire before anything is decided, at most 500 in a group', () => {
    const live = openLive([account('cash'), account('bank')])
    const expires_at = new Date(start + 1_000).toISOString()
    const held = { status: 'pending' as const, expires_at, entries: ofEntries(2) }
    const record = (transactions: (typeof held)[]) =>
      receivedOf(recordTransactions, { transactions, atomic: true }, { nextId: live.nextId })
    take(live, [record(Array.from({ length: 501 }, () => held))], start)
    const pay = record([{ ...held, expires_at: new Date(start + 5_000).toISOString() }])
    const first = decide(live, [pay], start + 2_000)
    assert.equal(first.events.length, 500)
    assert.deepEqual(first.outcomes, [])
    merge(first.book)
    live.log.push(...first.events)
    const rest = decide(live, [pay], start + 2_000)
    assert.deepEqual(
      rest.events.map(({ type }) => type),
      ['HoldExpired', 'TransactionsRecorded'],
    )
    assert(rest.events[0]?.type === 'HoldExpired')
    assert.deepEqual(rest.events[0].data.exponents, { EUR: 2 })
    assert.equal(rest.outcomes.length, 1)
  })
})
