import assert from 'node:assert/strict'
import type { Appended, BookLog } from '../../src/commands/book-log.ts'
import { bookWriter } from '../../src/commands/book-writer.ts'
import type { LookupIndex } from '../../src/commands/lookup-index.ts'
import { openAccounts } from '../../src/commands/open-accounts.ts'
import { openBook } from '../../src/commands/open-book.ts'
import type { Outcome } from '../../src/commands/received.ts'
import { recordTransactions } from '../../src/commands/record-transactions.ts'
import type { Recorded } from '../../src/domain/events/index.ts'
import { Rejected, reject } from '../../src/domain/rejection.ts'
import type { StoredEvent } from '../../src/domain/upcast.ts'
import { noSnapshots } from '../commands/simulation/snapshots.ts'
import { headOf, simulatedStore } from '../commands/simulation/store.ts'
import { virtualTime } from '../commands/simulation/time.ts'
import { noBalances } from './facts.ts'
import { bookId, idSource, receivedOf } from './received.ts'

/** A writer over a log that does as it is told; `fault` says what becomes of an append instead. */
export const setUpWriter = () => {
  const time = virtualTime(Date.parse('2024-03-01T12:00:00Z'))
  const store = simulatedStore()
  const nextId = idSource()
  const calls = { reads: 0, appends: 0, tails: 0, questions: 0 }
  const faults: {
    append: (() => Promise<Appended | null>) | null
    read: (() => void) | null
  } = { append: null, read: null }
  const log: BookLog = {
    append: async (_, expected, events) => {
      calls.appends++
      return (await faults.append?.()) ?? store.append(expected, events)
    },
    read: async function* (_, from, limit = Number.POSITIVE_INFINITY) {
      calls.reads++
      for (const event of store.events.slice(from, from + limit)) {
        yield event as StoredEvent
        faults.read?.()
      }
    },
    head: async () => {
      calls.tails++
      return headOf(store.events)
    },
  }
  const { now: clock, after } = time
  const limits = { window: 1_000, gap: 1_000, snapshotEvery: 1_000, memory: 1e9 }
  const index: LookupIndex = {
    find: async () => {
      calls.questions++
      throw new Rejected(reject('store_unavailable'))
    },
  }
  const warnings: string[] = []
  const warn = (message: string) => void warnings.push(message)
  /** What was told of as appended. */
  const told: Recorded[] = []
  const appended = (_: string, events: readonly Recorded[]) => void told.push(...events)
  const options = {
    log,
    index,
    balances: noBalances,
    ...noSnapshots,
    limits,
    clock,
    after,
    random: () => 0.5,
    appended,
    warn,
  }
  const writer = bookWriter(bookId, options)
  const elsewhere = bookWriter(bookId, options)

  const book = (key: string | null = null) =>
    receivedOf(openBook, { name: 'main' }, { key, nextId })
  const accounts = (...codes: string[]) => {
    const list = codes.map((code) => ({ code, type: 'asset', currency: 'EUR' }) as const)
    return receivedOf(openAccounts, { accounts: list }, { nextId })
  }
  const transfer = (from = 'a', to = 'b', key: string | null = null, description = '') => {
    const transactions = [{ transfers: [{ from, to, amount: '1' }], description }]
    return receivedOf(recordTransactions, { transactions, atomic: true }, { key, nextId })
  }
  /** What a promise came to, once time has run out. */
  const settled = async <Value>(promises: Promise<Value>[]) => {
    const all = Promise.allSettled(promises)
    await time.runOut()
    return all
  }
  const open = async (): Promise<void> => {
    await settled([writer.submit(book()), writer.submit(accounts('a', 'b'))])
    assert.equal(store.events.length, 2)
  }
  return {
    time,
    store,
    calls,
    warnings,
    told,
    faults,
    options,
    writer,
    elsewhere,
    settled,
    open,
    book,
    accounts,
    transfer,
    nextId,
  }
}

/** `done`, or why not. */
export const codesOf = (results: PromiseSettledResult<Outcome>[]): string[] =>
  results.map((result) => {
    if (result.status === 'fulfilled') {
      return result.value.kind === 'done' ? 'done' : result.value.rejection.code
    }
    return result.reason instanceof Rejected ? result.reason.rejection.code : String(result.reason)
  })
