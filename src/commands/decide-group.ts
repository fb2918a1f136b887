import { type Book, findMember, findRevision, fork } from '../domain/book.ts'
import type { CommandRefused } from '../domain/events/command-refused.ts'
import type { Recorded } from '../domain/events/index.ts'
import { onlyExisting } from '../domain/events/transactions-recorded.ts'
import { evolve } from '../domain/evolve.ts'
import { keyScope } from '../domain/lookup.ts'
import { Rejected, type Rejection, reject, stateless } from '../domain/rejection.ts'
import { authorise } from './authorise.ts'
import type { Circumstances } from './command.ts'
import { encodedBytes } from './encoded.ts'
import { expireDue } from './expire-due.ts'
import { type Facts, mentionsOf } from './facts.ts'
import type { Outcome, Received } from './received.ts'
import { partOf, seal } from './seal.ts'

/** EventStoreDB takes 1 MiB an append; an event must leave room for what it may be packed with. */
const maxEventBytes = 768 * 1024
const maxGroupBytes = 1000 * 1024

export type DecidedGroup = {
  /** The book as it will be once `events` are appended. */
  readonly book: Book
  readonly events: readonly Recorded[]
  /** One a command, in order; commands past its end did not fit and wait for the next group. */
  readonly outcomes: readonly (Outcome | Failed)[]
}

/** Nothing came of this command, by no fault of the book or of the others. */
export type Failed = { readonly kind: 'failed'; readonly error: Error }

/**
 * Decides each command against the book and all that the group's earlier ones would make of it.
 * Pure: nothing has happened until the events are appended, not even a refusal. Holds that are over
 * expire first: where they are too many for one group, no command is decided yet.
 */
export const decideGroup = (
  base: Book,
  group: readonly Received[],
  facts: Facts,
  now: number,
): DecidedGroup => {
  const book = fork(base, facts.known)
  const events: Recorded[] = []
  const outcomes: (Outcome | Failed)[] = []
  let bytes = 0
  const eventAt = (revision: number): Recorded => {
    const event = facts.events.get(revision) ?? events[revision - base.revision - 1]
    if (event?.revision !== revision) {
      throw new Error(`event ${revision} of book ${base.id} was not fetched`)
    }
    return event
  }
  const [first] = group
  const expiry = first && expireDue(book, first, now)
  if (expiry) {
    events.push(...expiry.events)
    bytes += expiry.bytes
    if (!expiry.isDone) return { book, events, outcomes }
  }
  for (const received of group) {
    // It waits to be the first of a group, for which its balance is fetched.
    if (received.command.trialBalanceEnd && facts.balance?.of !== received) break
    const readiness = readinessOf(received, book, facts)
    // What more it needs is fetched for the next group, of which it will be the first.
    if (readiness === 'needs more' && outcomes.length > 0) break
    if (readiness === 'unsettled') {
      outcomes.push(failed(new Rejected(reject('store_unavailable'))))
      continue
    }
    const trialBalance = facts.balance?.of === received ? facts.balance.balance : null
    const decided = decideOrFail(received, book, { eventAt, trialBalance, now })
    if ('error' in decided) {
      outcomes.push(decided)
      continue
    }
    const { outcome, made, after = null } = decided
    if (made.length > 0) {
      const sizes = made.map(encodedBytes)
      const size = sizes.reduce((sum, one) => sum + one, 0)
      const excess = excessOf(sizes, size)
      if (excess) {
        outcomes.push(refusal(book, excess, false))
        continue
      }
      if (received.isDryRun) {
        // What is not stored moves the book nowhere: it is answered at the revision it was tried on.
        outcomes.push({ ...outcome, revision: book.revision })
        continue
      }
      if (bytes + size > maxGroupBytes) break
      bytes += size
      for (const event of made) evolve(book, event, after)
      events.push(...made)
    }
    outcomes.push(outcome)
  }
  return { book, events, outcomes }
}

const failed = (error: Error): Failed => ({ kind: 'failed', error })

/** Whether all that the command mentions, seen from the book as the group has made it, is at hand. */
const readinessOf = (
  received: Received,
  book: Book,
  { known, events, unsettled }: Facts,
): 'ready' | 'needs more' | 'unsettled' => {
  for (const { kind, key } of mentionsOf(received, book)) {
    const name = `${kind} ${key}`
    if (unsettled.has(name)) return 'unsettled'
    const revision = known.get(name)
    if (revision === undefined || (revision !== null && !events.has(revision))) return 'needs more'
  }
  return 'ready'
}

type Given = Pick<Circumstances, 'now' | 'trialBalance'> & {
  readonly eventAt: (revision: number) => Recorded
}

type Decided = {
  readonly outcome: Outcome
  /** What would be appended, mostly one event or none: all of it together, or nothing. */
  readonly made: readonly Recorded[]
  /** See `Decision`. */
  readonly after?: Book | null
}

/** A mistake in one decision is no concern of the group's others: it has not touched the book. */
const decideOrFail = (...what: Parameters<typeof decideOne>): Decided | Failed => {
  try {
    return decideOne(...what)
  } catch (error) {
    return failed(error as Error)
  }
}

const decideOne = (
  received: Received,
  book: Book,
  { eventAt, trialBalance, now }: Given,
): Decided => {
  const { command, data, key, actor, ids } = received
  const forbidden = authorise(received, book)
  if (forbidden) return { outcome: refusal(book, forbidden, false), made: [] }
  const eventOf = eventFinder(received, book, eventAt)
  const isKeyed = key !== null
  const used = key && eventOf({ kind: 'key', key: keyScope(actor, key.route, key.value) })
  if (used) return { outcome: replay(used, received, book, eventOf), made: [] }
  const isByOwner = received.isAdmin || findMember(book, actor) === 'owner'
  const sealPart: Circumstances['sealPart'] = (event, before, place) =>
    seal(event, partOf(received, place), before, now)
  const circumstances = { now, ids, isKeyed, isByOwner, trialBalance, eventOf, sealPart }
  const decision = command.decide(data, book, circumstances)
  switch (decision.kind) {
    case 'accepted': {
      const { shown, after, parts } = decision
      const event = seal(decision.event, received, headAfter(parts, book), now)
      return { outcome: done(event, shown), made: [...parts, event], after }
    }
    case 'answered': {
      const { event, recorded } = decision
      const isReplay = recorded !== null
      const { revision } = book
      return { outcome: { kind: 'done', event, recorded, revision, isReplay }, made: [] }
    }
    case 'refused': {
      const { rejection } = decision
      if (!isKeyed || stateless.has(rejection.code)) {
        return { outcome: refusal(book, rejection, false), made: [] }
      }
      const refused: CommandRefused = {
        type: 'CommandRefused',
        data: { command: command.name, rejection },
      }
      const event = seal(refused, received, book, now)
      const { revision } = event
      return { outcome: { kind: 'refused', rejection, revision, isReplay: false }, made: [event] }
    }
  }
}

/** Where the last of these events stands; without any, the last of the book. */
const headAfter = (parts: readonly Recorded[], book: Book): Pick<Book, 'hash' | 'revision'> => {
  const last = parts.at(-1)
  return last ? { hash: last.metadata.hash, revision: last.revision } : book
}

/** Finds what the command mentions, and nothing else: the rest may not be in memory. */
const eventFinder = (
  received: Received,
  book: Book,
  eventAt: (revision: number) => Recorded,
): Circumstances['eventOf'] => {
  let names: ReadonlySet<string> | undefined
  return ({ kind, key }) => {
    // Not before it is asked: most commands look nothing up.
    names ??= new Set(mentionsOf(received, book).map((one) => `${one.kind} ${one.key}`))
    if (!names.has(`${kind} ${key}`)) {
      throw new Error(`${received.command.name} looks up ${kind} ${key} but does not mention it`)
    }
    const revision = findRevision(book, kind, key)
    return revision === undefined ? undefined : eventAt(revision)
  }
}

/** The first answer again, for a key that was used before. */
const replay = (
  event: Recorded,
  { key }: Received,
  book: Book,
  eventOf: Circumstances['eventOf'],
): Outcome => {
  if (event.metadata.fingerprint !== key?.fingerprint) {
    return refusal(book, reject('idempotency_key_reused'), false)
  }
  if (event.type === 'CommandRefused') {
    return { ...refusal(book, event.data.rejection, true), revision: event.revision }
  }
  const id = event.type === 'TransactionsRecorded' ? onlyExisting(event) : null
  const shown = id === null ? undefined : eventOf({ kind: 'transaction', key: id })
  return { ...done(event, shown ?? null), isReplay: true }
}

const done = (event: Recorded, shown: Recorded | null) => {
  const { revision } = event
  const isReplay = shown !== null
  return { kind: 'done', event, recorded: shown ?? event, revision, isReplay } as const
}

const refusal = ({ revision }: Book, rejection: Rejection, isReplay: boolean) =>
  ({ kind: 'refused', rejection, revision, isReplay }) as const

/** Why events of these sizes cannot be appended, if they cannot. */
const excessOf = (sizes: readonly number[], sum: number): Rejection | null => {
  const largest = sizes.find((size) => size > maxEventBytes)
  if (largest !== undefined) return tooLarge('an event', largest, maxEventBytes)
  return sum > maxGroupBytes ? tooLarge('events', sum, maxGroupBytes) : null
}

const tooLarge = (what: string, bytes: number, limit: number): Rejection => {
  const reason = `This would make ${what} of ${bytes} bytes; ${limit} are allowed. Split it.`
  return reject('too_large', reason, [{ bytes, limit }])
}
