import type { Recorded } from '../domain/events/index.ts'
import { Rejected, type RejectionCode, reject } from '../domain/rejection.ts'
import type { AppendRefusal, BookLog } from './book-log.ts'
import { committedBook, isHead } from './committed-book.ts'
import { type DecidedGroup, decideGroup } from './decide-group.ts'
import { factFetcher } from './fetch-facts.ts'
import type { BalanceIndex } from './fetch-trial-balance.ts'
import type { LookupIndex } from './lookup-index.ts'
import type { Outcome, Received } from './received.ts'
import type { SnapshotStore } from './snapshot-store.ts'

export type WriterOptions = {
  readonly log: BookLog
  /** Of lookups that are older than what a writer keeps in memory. */
  readonly index: LookupIndex
  readonly balances: BalanceIndex
  readonly snapshots: SnapshotStore
  readonly limits: WriterLimits
  readonly clock: () => number
  /** Lets whatever else waits have its turn, if it is time for that; null if not. */
  readonly pause: () => Promise<void> | null
  /** Runs something once, in so many ms. What it returns calls it off. */
  readonly after: (ms: number, run: () => void) => () => void
  /** Between 0 and 1, for jitter. */
  readonly random: () => number
  /** Called after each append, before anybody is answered. It must not throw. */
  readonly appended: (bookId: string, events: readonly Recorded[]) => void
  readonly warn: (message: string, details: object) => void
}

export type WriterLimits = {
  /** How many lookups of a book are kept in memory. */
  readonly window: number
  /** How many events are read in place of an index of lookups that is behind or away. */
  readonly gap: number
  /** After how many transactions, accounts and the like a snapshot is taken. */
  readonly snapshotEvery: number
  /** Bytes that the books of a process may take together, roughly. */
  readonly memory: number
}

type Waiting = {
  readonly received: Received
  readonly resolve: (outcome: Outcome) => void
  readonly reject: (error: Error) => void
  isAnswered: boolean
}

export type BookWriter = {
  /** Resolves once the outcome is certain; rejects with a `Rejected` when it is not in time. */
  readonly submit: (received: Received) => Promise<Outcome>
  /** Whether it could be let go of: nothing waits and nothing is in flight. */
  readonly isIdle: () => boolean
  /** When it last took a command, in ms since 1970. */
  readonly lastUsed: () => number
  /** Bytes of memory, roughly. */
  readonly bytes: () => number
  /** To be called when it is let go of: stores a snapshot if enough is new. */
  readonly keep: () => Promise<void>
  /** To be called now and then: an idle book takes less memory afterwards. */
  readonly rest: () => void
}

const maxGroup = 1000
const maxQueue = 20_000
const maxConflicts = 5
export const answerWithin = 8_000

/**
 * The one writer of a book in this process. Commands queue; whatever waits is decided together and
 * appended in one call, while the next group gathers. Every answer waits for its group's append, a
 * refusal too: it must not rest on state that was never committed or is stale. The expected
 * revision is the fence against writers elsewhere.
 */
export const bookWriter = (bookId: string, options: WriterOptions): BookWriter => {
  const { log, clock, after, random, appended, warn } = options
  const committed = committedBook(bookId, options)
  const fetchFacts = factFetcher(bookId, options)
  const queue: Waiting[] = []
  /** Taken from the queue, and not answered for certain. */
  let atHand: readonly Waiting[] = []
  let isRunning = false
  let isAppending = false
  let isSettling = false
  let lastUsed = clock()

  const sleep = (ms: number) => new Promise<void>((resolve) => after(ms, resolve))

  /**
   * Only what is said of the identical append says what became of it. That this process may not
   * write now says nothing of an attempt that went before.
   */
  const appendUntilCertain = async (events: readonly Recorded[]) => {
    for (let attempt = 0; ; attempt++) {
      const result = await log.append(bookId, committed.now().revision, events)
      const isCertain =
        result.kind === 'refused'
          ? result.why !== 'denied' || attempt === 0
          : result.kind !== 'unknown'
      if (isCertain) {
        if (isSettling) warn('append settled', { book: bookId, result: result.kind })
        isSettling = false
        return result
      }
      const error = result.kind === 'unknown' ? result.error.message : 'denied'
      if (!isSettling) warn('append unsettled', { book: bookId, error })
      isSettling = true
      await sleep(Math.min(400, 50 * 2 ** attempt) * (0.5 + random()))
    }
  }

  /** Whether the group stands on what the log holds, was outrun, or is more than the store takes. */
  const commit = async ({
    events,
    outcomes,
    book,
  }: DecidedGroup): Promise<'stands' | 'outrun' | 'too_large'> => {
    if (events.length === 0) {
      return isHead(await log.head(bookId), committed.now()) ? 'stands' : 'outrun'
    }
    isAppending = true
    const result = await appendUntilCertain(events)
    isAppending = false
    if (result.kind === 'refused') {
      warn('append refused', { book: bookId, why: result.why })
      if (result.why === 'too_large' && outcomes.length > 1) return 'too_large'
      throw refusedByStore[result.why]()
    }
    if (result.kind !== 'appended') return 'outrun'
    committed.commit(book, events)
    appended(bookId, events)
    return 'stands'
  }

  /** What waits at the head of the queue, decided; null if nobody waits for it any more. */
  const takeGroup = async (size: number): Promise<DecidedGroup | null> => {
    atHand = queue.splice(0, size)
    await committed.load()
    committed.settle()
    const base = committed.now()
    const received = atHand.map((waiting) => waiting.received)
    const facts = await fetchFacts(base, received)
    // Who was told meanwhile that nothing was stored must find it true.
    const group = atHand.filter(({ isAnswered }) => !isAnswered)
    atHand = group
    if (group.length === 0) return null
    const now = Math.max(clock(), base.recordedAt)
    const commands = group.map((waiting) => waiting.received)
    const decided = decideGroup(base, commands, facts, now)
    atHand = group.slice(0, decided.outcomes.length)
    queue.unshift(...group.slice(decided.outcomes.length))
    return decided
  }

  const runGroup = async (): Promise<void> => {
    let size = maxGroup
    for (let conflicts = 0; ; ) {
      try {
        const decided = await takeGroup(size)
        if (!decided) return
        const fate = await commit(decided)
        if (fate === 'stands') return answer(takeAtHand(), decided)
        const group = takeAtHand()
        if (fate === 'too_large') {
          queue.unshift(...group)
          size = group.length >> 1
          continue
        }
        const isLast = ++conflicts === maxConflicts
        if (isLast) fail(group, rejected('write_contention'))
        else queue.unshift(...group)
        await committed.catchUp()
        if (isLast) return
      } catch (error) {
        // A log that cannot be read leaves the book as it was; after anything else it is doubtful.
        if (!(error instanceof Rejected)) committed.doubt()
        return fail(takeAtHand(), error as Error)
      }
      size = Math.max(1, size >> 1)
      await sleep(10 * 2 ** conflicts * random())
    }
  }

  const takeAtHand = (): readonly Waiting[] => {
    const group = atHand
    atHand = []
    return group
  }

  const run = async (): Promise<void> => {
    isRunning = true
    // Commands of the same turn of the event loop share a group.
    await Promise.resolve()
    while (queue.length > 0) await runGroup()
    isRunning = false
  }

  /** What can be said of a command whose time is up. One that is not appended never will be. */
  const overdue = (waiting: Waiting): RejectionCode =>
    isAppending && atHand.includes(waiting) ? 'outcome_unknown' : 'store_unavailable'

  const submit = (received: Received): Promise<Outcome> =>
    new Promise((resolve, rejectWith) => {
      lastUsed = clock()
      if (isSettling) return rejectWith(rejected('store_unavailable'))
      if (queue.length >= maxQueue) return rejectWith(rejected('overloaded'))
      const waiting: Waiting = {
        received,
        isAnswered: false,
        resolve: (outcome) => {
          callOff()
          waiting.isAnswered = true
          resolve(outcome)
        },
        reject: (error) => {
          callOff()
          waiting.isAnswered = true
          rejectWith(error)
        },
      }
      const callOff = after(answerWithin, () => waiting.reject(rejected(overdue(waiting))))
      queue.push(waiting)
      if (!isRunning) void run()
    })

  return {
    submit,
    isIdle: () => atHand.length === 0 && queue.length === 0,
    lastUsed: () => lastUsed,
    bytes: committed.bytes,
    keep: committed.keep,
    rest: () => {
      if (!isRunning) committed.settle()
    },
  }
}

const answer = (group: readonly Waiting[], { outcomes }: DecidedGroup): void => {
  for (const [index, outcome] of outcomes.entries()) {
    if (outcome.kind === 'failed') group[index]?.reject(outcome.error)
    else group[index]?.resolve(outcome)
  }
}

const rejected = (code: RejectionCode, message?: string): Rejected =>
  new Rejected(reject(code, message))

/** Nothing of the command was stored, and it would not be if it were sent again as it is. */
const refusedByStore: Readonly<Record<AppendRefusal, () => Rejected>> = {
  too_large: () =>
    rejected('too_large', 'The event store takes no event of this size. Split the request.'),
  deleted: () =>
    rejected(
      'store_unavailable',
      "The book's stream was deleted from the event store for good. Restore it from a backup.",
    ),
  denied: () =>
    rejected(
      'store_unavailable',
      'The event store does not let Daybook write. Nothing was stored. See to its EVENTSTORE_URL.',
    ),
}

const fail = (group: readonly Waiting[], error: Error): void => {
  for (const waiting of group) waiting.reject(error)
}
