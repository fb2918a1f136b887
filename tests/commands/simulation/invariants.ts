import { isDeepStrictEqual } from 'node:util'
import { applyBatch } from '../../../src/commands/apply-batch.ts'
import type { BatchItem } from '../../../src/commands/batch-item.ts'
import { answerWithin } from '../../../src/commands/book-writer.ts'
import { decideGroup } from '../../../src/commands/decide-group.ts'
import type { Outcome } from '../../../src/commands/received.ts'
import { emptyBook } from '../../../src/domain/book.ts'
import { genesis, hashEvent } from '../../../src/domain/chain.ts'
import type { BatchApplied } from '../../../src/domain/events/batch-applied.ts'
import type { Recorded } from '../../../src/domain/events/index.ts'
import type {
  RecordedEntry,
  RecordedTransaction,
} from '../../../src/domain/events/transactions-recorded.ts'
import { evolve } from '../../../src/domain/evolve.ts'
import { Rejected, type RejectionCode, stateless } from '../../../src/domain/rejection.ts'
import { unpackBook } from '../../../src/domain/snapshot/book-snapshot.ts'
import { factsFrom } from '../../support/facts.ts'
import { finish } from '../../support/finish.ts'
import { bookId } from '../../support/received.ts'
import { plain } from '../../support/run-table.ts'
import type { Attempt, Run } from './simulate.ts'

/** Everything that is wrong with a run; empty if nothing is. */
export const violations = (run: Run): string[] => {
  const found: string[] = []
  for (const check of [
    chainIsWhole,
    moneyIsSound,
    batchesAreWhole,
    eachEventOnce,
    announcedIsStored,
    snapshotsAreTrue,
  ]) {
    found.push(...check(run))
  }
  for (const attempt of run.attempts) found.push(...attemptIsHonest(attempt, run))
  found.push(...refusalsAreTrue(run), ...keysAnswerAlike(run))
  const last = run.attempts.filter(({ isLast }) => isLast)
  if (!last.some(({ outcome }) => outcome)) found.push('nobody is answered when all is well')
  if (!run.isIdle) found.push('a writer is still busy when all is over')
  return found
}

const chainIsWhole = ({ store }: Run): string[] => {
  const found: string[] = []
  let previous = genesis(bookId)
  for (const [revision, event] of store.events.entries()) {
    const { metadata } = event
    if (event.revision !== revision) found.push(`${event.revision} stands at ${revision}`)
    if (metadata.previous_hash !== previous) found.push(`the chain is broken at ${revision}`)
    if (hashEvent(event, metadata) !== metadata.hash) found.push(`hash of ${revision} is wrong`)
    previous = metadata.hash
  }
  return found
}

/** Adds up without the domain's help. */
const moneyIsSound = ({ store }: Run): string[] => {
  const found: string[] = []
  const balances = new Map<string, bigint>()
  const floors = new Map<string, bigint>()
  for (const event of store.events) {
    const { revision } = event
    if (event.type === 'AccountsOpened') {
      for (const { id, min_balance } of event.data.accounts) {
        balances.set(id, 0n)
        if (min_balance !== null) floors.set(id, BigInt(min_balance))
      }
    }
    for (const entries of postedBy(event)) {
      for (const { account, direction, amount } of entries) {
        const change = direction === 'debit' ? BigInt(amount) : -BigInt(amount)
        balances.set(account, balances.get(account)! + change)
      }
      for (const [id, floor] of floors) {
        if (balances.get(id)! < floor) found.push(`${id} is below its minimum at ${revision}`)
      }
    }
    const sum = [...balances.values()].reduce((all, one) => all + one, 0n)
    if (sum !== 0n) found.push(`the sum is ${sum} at ${revision}`)
  }
  return found
}

/** The entries of each transaction or part of a hold that an event posts. */
const postedBy = (event: Recorded): (readonly RecordedEntry[])[] => {
  if (event.type === 'HoldPosted') return [event.data.entries]
  if (event.type !== 'TransactionsRecorded') return []
  return event.data.transactions.filter(isPosted).map(({ entries }) => entries)
}

const isPosted = ({ status }: RecordedTransaction): boolean => status === 'posted'

/** The parts of a batch stand right before its end, and nowhere else. */
const batchesAreWhole = ({ store: { events } }: Run): string[] =>
  events
    .filter(({ metadata: { causation_id, command_id } }) => causation_id !== command_id)
    .filter(({ revision, metadata: { causation_id } }) => {
      const next = events[revision + 1]
      const isEnd = next?.id === causation_id && next.type === 'BatchApplied'
      return !isEnd && next?.metadata.causation_id !== causation_id
    })
    .map(({ revision }) => `${revision} is a part of a batch that does not end after it`)

const eachEventOnce = ({ store }: Run): string[] => {
  const all = [
    ...store.events.map(({ id }) => `event ${id}`),
    ...store.events.map(({ metadata }) => `command ${metadata.command_id}`),
    ...store.events.flatMap(({ metadata: { idempotency_key: key, route } }) =>
      key === null ? [] : [`key ${route} ${key}`],
    ),
    ...store.events.flatMap((event) =>
      event.type === 'TransactionsRecorded'
        ? event.data.transactions.map(({ id }) => `transaction ${id}`)
        : [],
    ),
  ]
  return all
    .filter((one, index) => all.indexOf(one) !== index)
    .map((one) => `${one} is in the log twice`)
}

const announcedIsStored = ({ store, announced }: Run): string[] =>
  announced
    .filter((event) => !isDeepStrictEqual(store.events[event.revision], event))
    .map(({ revision }) => `${revision} was announced otherwise than it is stored`)

/** Each is what the log comes to at its revision. */
const snapshotsAreTrue = ({ store, snapshots }: Run): string[] => {
  const found: string[] = []
  const book = emptyBook(bookId)
  for (const snapshot of [...snapshots].sort((a, b) => a.head.revision - b.head.revision)) {
    const { revision } = snapshot.head
    while (book.revision < revision) evolve(book, store.events[book.revision + 1]!)
    const kept = plain(finish(unpackBook(snapshot, 1)))
    if (!isDeepStrictEqual({ ...kept, lookups: [] }, { ...plain(book), lookups: [] })) {
      found.push(`the snapshot of ${revision} is not what the log comes to`)
    }
  }
  return found
}

const retryable: ReadonlySet<RejectionCode> = new Set<RejectionCode>([
  'store_unavailable',
  'write_contention',
  'outcome_unknown',
  'overloaded',
])

const attemptIsHonest = (attempt: Attempt, { store }: Run): string[] => {
  const { received, sentAt, answeredAt, headWhenSent, headWhenAnswered, outcome, error } = attempt
  const { commandId } = received
  const stored = store.events.find(({ metadata }) => metadata.command_id === commandId)
  const found: string[] = []
  const say = (what: string) => found.push(`${received.command.name} ${commandId}: ${what}`)
  if (attempt.isCutOff) return found
  if (answeredAt === null) say('nobody ever answered')
  else if (answeredAt > sentAt + answerWithin) say(`answered after ${answeredAt - sentAt} ms`)
  if (error) {
    const code = error instanceof Rejected ? error.rejection.code : null
    // Some stores take no more than two events at once, which is less than a batch may make.
    const isTooLarge = code === 'too_large' && received.command.name === applyBatch.name
    if (code === null || !(retryable.has(code) || isTooLarge)) say(`failed: ${error.message}`)
    if (code !== 'outcome_unknown' && stored) say(`answered ${code}, and is in the log`)
  }
  if (!outcome) return found
  if (outcome.revision > headWhenAnswered) say('answered before it was in the log')
  if (!outcome.isReplay && outcome.revision < headWhenSent) say('answered from a stale book')
  if (outcome.kind === 'refused') {
    if (stored && stored.type !== 'CommandRefused') say('refused, and is in the log')
    return found
  }
  const { recorded, isReplay } = outcome
  if (recorded && !isDeepStrictEqual(store.events[recorded.revision], recorded)) {
    say('answered with an event that is not in the log')
  }
  if (!isReplay && recorded && recorded.metadata.command_id !== commandId) {
    say('answered with the event of another command')
  }
  if (isReplay && stored && outcome.event !== recorded && !stored.metadata.idempotency_key) {
    say('called a replay, and is in the log')
  }
  if (stored?.type === 'TransactionsRecorded') {
    const chosen = (received.data as { transactions: { id?: string }[] }).transactions
    for (const { id, index } of stored.data.transactions) {
      if (id !== (chosen[index]?.id ?? received.ids[index])) say('ids were not fixed at receipt')
    }
  }
  if (stored?.type === 'BatchApplied') found.push(...idsAreFixed(attempt, stored))
  return found
}

/** What a batch opened, or recorded under no id of its client's, has an id drawn at receipt. */
const idsAreFixed = ({ received }: Attempt, { data }: Recorded<BatchApplied>): string[] => {
  const { items } = received.data as { items: readonly BatchItem[] }
  const drawn = new Set(received.ids)
  return data.items.flatMap((result, index) => {
    const chosen = items[index]?.record?.id
    const isDrawn = ['opened', 'recorded', 'reversed'].includes(result.status) && !chosen
    if (!('id' in result) || !isDrawn || drawn.has(result.id)) return []
    return [`item ${index} of ${received.commandId}: ids were not fixed at receipt`]
  })
}

/** Decides what was refused once more, on a book folded from the log alone. */
const refusalsAreTrue = ({ store, attempts }: Run): string[] => {
  const found: string[] = []
  const refused = attempts
    .filter(({ outcome }) => outcome?.kind === 'refused' && !outcome.isReplay)
    .map((attempt) => {
      const outcome = attempt.outcome as Extract<Outcome, { kind: 'refused' }>
      const own = store.events[outcome.revision]
      const isOwn = own?.metadata.command_id === attempt.received.commandId
      return { ...attempt, outcome, at: isOwn ? outcome.revision - 1 : outcome.revision }
    })
    .sort((one, other) => one.at - other.at)
  const book = emptyBook(bookId)
  for (const { received, outcome, at } of refused) {
    while (book.revision < at) evolve(book, store.events[book.revision + 1]!)
    const facts = factsFrom(book, [received], store.events)
    const [again] = decideGroup(book, [received], facts, book.recordedAt).outcomes
    if (again?.kind !== 'refused' || again.rejection.code !== outcome.rejection.code) {
      found.push(`${outcome.rejection.code} at ${outcome.revision} was not so`)
    }
  }
  return found
}

/** One key, one body, one answer; and no other body gets any. */
const keysAnswerAlike = ({ attempts }: Run): string[] => {
  const found: string[] = []
  const answers = new Map<string, { fingerprint: string; answer: unknown }>()
  for (const { received, outcome } of attempts) {
    if (!received.key || !outcome || leavesNoTrace(outcome)) continue
    const { value, route, fingerprint } = received.key
    const key = `${route} ${value}`
    const answer =
      outcome.kind === 'refused' ? outcome.rejection : [outcome.event, outcome.recorded]
    const known = answers.get(key)
    if (!known) answers.set(key, { fingerprint, answer })
    else if (known.fingerprint !== fingerprint) found.push(`${key} was taken with two bodies`)
    else if (!isDeepStrictEqual(known.answer, answer)) found.push(`${key} was answered otherwise`)
  }
  return found
}

const leavesNoTrace = (outcome: Outcome): boolean =>
  outcome.kind === 'refused' &&
  (stateless.has(outcome.rejection.code) ||
    ['idempotency_key_reused', 'book_not_found'].includes(outcome.rejection.code))
