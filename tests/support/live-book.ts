import assert from 'node:assert/strict'
import { decideGroup } from '../../src/commands/decide-group.ts'
import { openAccounts } from '../../src/commands/open-accounts.ts'
import { openBook } from '../../src/commands/open-book.ts'
import type { Outcome, Received } from '../../src/commands/received.ts'
import { normalSide } from '../../src/domain/account.ts'
import { type Book, emptyBook, merge } from '../../src/domain/book.ts'
import type { Recorded } from '../../src/domain/events/index.ts'
import { factsFrom, outcomesOf } from './facts.ts'
import { type History, start } from './histories.ts'
import { type NaiveAccount, naiveLedger } from './naive-ledger.ts'
import { bookId, idSource, receivedOf } from './received.ts'

/** A book, the log that made it, and the ids that its commands draw. */
export type Live = { readonly book: Book; readonly log: Recorded[]; readonly nextId: () => string }

export const decide = ({ book, log }: Live, group: readonly Received[], now: number) =>
  decideGroup(book, group, factsFrom(book, group, log), now)

/** Decides and commits. */
export const take = (live: Live, group: readonly Received[], now: number): readonly Outcome[] => {
  const decided = decide(live, group, now)
  const { book, events } = decided
  const outcomes = outcomesOf(decided)
  assert.equal(outcomes.length, group.length)
  merge(book)
  live.log.push(...events)
  return outcomes
}

/** The same in as many groups as it takes: what ends a hold that ended in its group waits for the next. */
export const takeAll = (live: Live, commands: readonly Received[], now: number): Outcome[] => {
  const outcomes: Outcome[] = []
  while (outcomes.length < commands.length) {
    const decided = decide(live, commands.slice(outcomes.length), now)
    merge(decided.book)
    live.log.push(...decided.events)
    outcomes.push(...outcomesOf(decided))
  }
  return outcomes
}

/** A book with these accounts. */
export const openLive = (accounts: History['accounts']): Live => {
  const live: Live = { book: emptyBook(bookId), log: [], nextId: idSource() }
  const { nextId } = live
  take(live, [receivedOf(openBook, { name: 'main' }, { nextId })], start)
  if (accounts.length === 0) return live
  take(live, [receivedOf(openAccounts, { accounts: [...accounts] }, { nextId })], start)
  return live
}

export const toNaive = ({
  code,
  type,
  currency,
  min_balance: min,
  max_balance: max,
}: History['accounts'][number]): NaiveAccount => ({
  code,
  currency,
  grows: normalSide(type),
  min: min === null ? null : BigInt(min),
  max: max === null ? null : BigInt(max),
})

export const naive = (accounts: History['accounts']) => naiveLedger(accounts.map(toNaive))
