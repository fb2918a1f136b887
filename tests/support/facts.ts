import assert from 'node:assert/strict'
import type { DecidedGroup } from '../../src/commands/decide-group.ts'
import { type Facts, mentionsOf } from '../../src/commands/facts.ts'
import type { Outcome, Received } from '../../src/commands/received.ts'
import { type Book, recall } from '../../src/domain/book.ts'
import type { Recorded } from '../../src/domain/events/index.ts'

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
  return { known, events, unsettled: new Set() }
}

/** The outcomes of a group in which no decision failed. */
export const outcomesOf = ({ outcomes }: DecidedGroup): Outcome[] =>
  outcomes.map((outcome) => {
    if (outcome.kind === 'failed') throw outcome.error
    return outcome
  })
