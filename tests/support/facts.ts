import assert from 'node:assert/strict'
import type { DecidedGroup } from '../../src/commands/decide-group.ts'
import { type Facts, mentionsOf } from '../../src/commands/facts.ts'
import type { BalanceIndex } from '../../src/commands/fetch-trial-balance.ts'
import type { Outcome, Received } from '../../src/commands/received.ts'
import { type Book, recall } from '../../src/domain/book.ts'
import type { Recorded } from '../../src/domain/events/index.ts'
import { addToTrialBalance, type TrialBalance } from '../../src/domain/trial-balance.ts'

/** Of which nothing is known: what a period needs is added up from the log. */
export const noBalances: BalanceIndex = async () => ({ revision: -1, balance: new Map() })

/** What a group needs, where the book has forgotten nothing. */
export const factsFrom = (
  book: Book,
  group: readonly Received[],
  log: readonly Recorded[],
): Facts => {
  const known = new Map<string, number | null>()
  const events = new Map<number, Recorded>()
  for (const { kind, key } of group.flatMap((received) => mentionsOf(received, book))) {
    const revision = recall(book, kind, key)
    assert(revision !== undefined, `the book has forgotten ${kind} ${key}`)
    known.set(`${kind} ${key}`, revision)
    if (revision !== null) events.set(revision, log[revision]!)
  }
  const [first] = group
  const end = first?.command.trialBalanceEnd?.(first.data, book)
  const balance: TrialBalance = new Map()
  if (end !== undefined) for (const event of log) addToTrialBalance(balance, event, end)
  return { known, events, unsettled: new Set(), balance: first ? { of: first, balance } : null }
}

/** The outcomes of a group in which no decision failed. */
export const outcomesOf = ({ outcomes }: DecidedGroup): Outcome[] =>
  outcomes.map((outcome) => {
    if (outcome.kind === 'failed') throw outcome.error
    return outcome
  })
