import { setTimeout as sleep } from 'node:timers/promises'
import { type Book, emptyBook, merge } from '../domain/book.ts'
import type { Recorded } from '../domain/events/index.ts'
import { evolve } from '../domain/evolve.ts'
import { Rejected, type RejectionCode, reject } from '../domain/rejection.ts'
import { upcast } from '../domain/upcast.ts'
import type { BookLog } from './book-log.ts'
import { type DecidedGroup, decideGroup, neededEvents } from './decide-group.ts'
import type { Outcome, Received } from './received.ts'

export type WriterOptions = {
  readonly log: BookLog
  readonly clock: () => number
  /** Between 0 and 1, for jitter. */
  readonly random: () => number
  /** Called after each append, before anybody is answered. */
  readonly appended: (bookId: string, events: readonly Recorded[]) => void
  readonly warn: (message: string, details: object) => void
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
  const { log, clock, random, appended, warn } = options
  const queue: Waiting[] = []
  let base: Book = emptyBook(bookId)
  let isLoaded = false
  let isRunning = false
  let isSettling = false
  let lastUsed = clock()

  const catchUp = async (): Promise<void> => {
    for await (const stored of log.read(bookId, base.revision + 1)) evolve(base, upcast(stored))
    isLoaded = true
  }

  /** After a conflict nothing new to read means that the log is older than what we knew. */
  const refresh = async (): Promise<void> => {
    const before = base.revision
    await catchUp()
    if (base.revision !== before) return
    if ((await log.lastRevision(bookId)) >= base.revision) return
    warn('the log is older than this writer: reading the book anew', { book: bookId, before })
    base = emptyBook(bookId)
    await catchUp()
  }

  const fetchNeeded = async (group: readonly Received[]) => {
    const fetched = new Map<number, Recorded>()
    for (const revision of neededEvents(base, group)) {
      for await (const stored of log.read(bookId, revision, 1)) {
        fetched.set(revision, upcast(stored))
      }
    }
    return fetched
  }

  /** Only success or a wrong revision of the identical append says what became of it. */
  const appendUntilCertain = async (events: readonly Recorded[]) => {
    for (let attempt = 0; ; attempt++) {
      const result = await log.append(bookId, base.revision, events)
      if (result.kind !== 'unknown') {
        if (isSettling) warn('append settled', { book: bookId, result: result.kind })
        isSettling = false
        return result.kind
      }
      if (!isSettling) warn('append unsettled', { book: bookId, error: result.error.message })
      isSettling = true
      await sleep(Math.min(2_000, 50 * 2 ** attempt) * (0.5 + random()))
    }
  }

  /** Whether the group still stands on what the log holds. */
  const commit = async ({ events, book }: DecidedGroup): Promise<boolean> => {
    if (events.length === 0) return (await log.lastRevision(bookId)) === base.revision
    if ((await appendUntilCertain(events)) !== 'appended') return false
    merge(book)
    appended(bookId, events)
    return true
  }

  const runGroup = async (): Promise<void> => {
    let size = maxGroup
    for (let conflicts = 0; conflicts <= maxConflicts; conflicts++) {
      const group = queue.splice(0, size).filter((waiting) => !waiting.isAnswered)
      if (group.length === 0) return
      const commands = group.map(({ received }) => received)
      try {
        if (!isLoaded) await catchUp()
        const fetched = await fetchNeeded(commands)
        const now = Math.max(clock(), base.recordedAt)
        const decided = decideGroup(base, commands, fetched, now)
        if (await commit(decided)) {
          answer(group, decided)
          queue.unshift(...group.slice(decided.outcomes.length))
          return
        }
        queue.unshift(...group)
        await refresh()
      } catch (error) {
        isLoaded = false
        base = emptyBook(bookId)
        fail(group, error as Error)
        return
      }
      size = Math.max(1, size >> 1)
      await sleep(10 * 2 ** conflicts * random())
    }
    for (const waiting of queue.splice(0, size)) answerError(waiting, 'write_contention')
  }

  const run = async (): Promise<void> => {
    isRunning = true
    // Commands of the same turn of the event loop share a group.
    await Promise.resolve()
    while (queue.length > 0) await runGroup()
    isRunning = false
  }

  const submit = (received: Received): Promise<Outcome> =>
    new Promise((resolve, rejectWith) => {
      lastUsed = clock()
      if (isSettling) return rejectWith(new Rejected(reject('store_unavailable')))
      if (queue.length >= maxQueue) return rejectWith(new Rejected(reject('overloaded')))
      const waiting: Waiting = {
        received,
        isAnswered: false,
        resolve: (outcome) => {
          clearTimeout(timer)
          waiting.isAnswered = true
          resolve(outcome)
        },
        reject: (error) => {
          clearTimeout(timer)
          waiting.isAnswered = true
          rejectWith(error)
        },
      }
      const timer = setTimeout(() => {
        const isQueued = queue.includes(waiting)
        answerError(waiting, isQueued ? 'store_unavailable' : 'outcome_unknown')
      }, answerWithin)
      queue.push(waiting)
      if (!isRunning) void run()
    })

  return {
    submit,
    isIdle: () => !isRunning && queue.length === 0,
    lastUsed: () => lastUsed,
  }
}

const answer = (group: readonly Waiting[], { outcomes }: DecidedGroup): void => {
  for (const [index, outcome] of outcomes.entries()) group[index]?.resolve(outcome)
}

const answerError = (waiting: Waiting, code: RejectionCode): void =>
  waiting.reject(new Rejected(reject(code)))

const fail = (group: readonly Waiting[], error: Error): void => {
  for (const waiting of group) waiting.reject(error)
}
