import { type Book, floorOf, recall } from '../domain/book.ts'
import type { Recorded } from '../domain/events/index.ts'
import { isRepeated, lookupsOf, type Mention } from '../domain/lookup.ts'
import { upcast } from '../domain/upcast.ts'
import type { BookLog } from './book-log.ts'
import { type Facts, mentionsOf } from './facts.ts'
import { type BalanceIndex, fetchTrialBalance } from './fetch-trial-balance.ts'
import type { IndexAnswer, LookupIndex } from './lookup-index.ts'
import type { Received } from './received.ts'
import { within } from './within.ts'

export type Sources = {
  readonly log: BookLog
  readonly index: LookupIndex
  readonly balances: BalanceIndex
  readonly limits: { readonly gap: number }
  readonly clock: () => number
  readonly after: (ms: number, run: () => void) => () => void
  readonly warn: (message: string, details: object) => void
}

/** An event may be large: what needs more of them waits for the next group. */
const maxEvents = 64
const readsAtOnce = 16
/** The stream is not read for longer where the index is behind or away. */
const gapMs = 3_000
const indexMs = 1_500
/** An index that cannot be reached is not asked again for so long. */
const indexPauseMs = 5_000

/**
 * Finds out what commands mention before they are decided: from memory where it is certain, else
 * from the index in one question for all of them. That something is not in the index counts only
 * if the index has reached what memory has; the events between them are read from the stream.
 */
export const factFetcher = (bookId: string, sources: Sources) => {
  const { log, index, limits, clock, after, warn } = sources
  let indexAwayUntil = 0

  const askIndex = async (mentions: readonly Mention[]): Promise<IndexAnswer> => {
    const nothing = { checkpoint: { revision: -1, hash: '' }, revisions: new Map() }
    if (clock() < indexAwayUntil) return nothing
    try {
      const answer = await within(indexMs, index.find(bookId, mentions), after)
      const { revision, hash } = answer.checkpoint
      if (revision < 0) return nothing
      const event = await readEvent(revision)
      if (event?.metadata.hash === hash) return answer
      warn('the index of lookups is of another log: reading the stream', { book: bookId, revision })
    } catch (error) {
      warn('the index of lookups is away', { book: bookId, error: (error as Error).message })
    }
    indexAwayUntil = clock() + indexPauseMs
    return nothing
  }

  const readEvent = async (revision: number): Promise<Recorded | null> => {
    let event: Recorded | null = null
    for await (const stored of log.read(bookId, revision, 1)) event = upcast(stored)
    return event
  }

  /** What of these events is not there yet, several at a time: each takes its way to the store. */
  const readInto = async (
    events: Map<number, Recorded>,
    revisions: readonly number[],
  ): Promise<void> => {
    const missing = [...new Set(revisions)].filter((revision) => !events.has(revision))
    for (let from = 0; from < missing.length; from += readsAtOnce) {
      const some = await Promise.all(missing.slice(from, from + readsAtOnce).map(readEvent))
      for (const event of some) if (event) events.set(event.revision, event)
    }
  }

  /** Settles what memory is not certain of; what is missing in the answer stays open. */
  const settle = async (
    mentions: ReadonlyMap<string, Mention>,
    floor: number,
  ): Promise<Map<string, number | null>> => {
    const settled = new Map<string, number | null>()
    if (mentions.size === 0) return settled
    const { checkpoint, revisions } = await askIndex([...mentions.values()])
    for (const [name, revision] of revisions) settled.set(name, revision)
    const repeated = [...mentions].flatMap(([name, one]) => (isRepeated(one) ? [name] : []))
    if (settled.size === mentions.size && repeated.length === 0) return settled
    if (!(await readGap(mentions, settled, checkpoint.revision + 1, floor))) {
      // A later event may be in what was not read.
      for (const name of repeated) settled.delete(name)
      return settled
    }
    for (const name of mentions.keys()) if (!settled.has(name)) settled.set(name, null)
    return settled
  }

  /** Whether it was small enough to be read. */
  const readGap = async (
    mentions: ReadonlyMap<string, Mention>,
    settled: Map<string, number | null>,
    from: number,
    to: number,
  ): Promise<boolean> => {
    if (from > to) return true
    if (to - from >= limits.gap) return false
    const end = clock() + gapMs
    let reached = from - 1
    for await (const stored of log.read(bookId, from, to - from + 1)) {
      for (const { kind, key } of lookupsOf(upcast(stored))) {
        const name = `${kind} ${key}`
        if (mentions.has(name)) settled.set(name, stored.revision)
      }
      reached = stored.revision
      if (clock() > end) break
    }
    // Of a read that ended early nothing counts that it did not find.
    return reached === to
  }

  /** Lets go of what the index said and the log does not bear out. */
  const check = (
    uncertain: ReadonlyMap<string, Mention>,
    known: Map<string, number | null>,
    events: ReadonlyMap<number, Recorded>,
  ): void => {
    for (const [name, { kind, key }] of uncertain) {
      const event = events.get(known.get(name) ?? -1)
      if (!event || lookupsOf(event).some((one) => one.kind === kind && one.key === key)) continue
      warn('the index of lookups is wrong', { book: bookId, revision: event.revision })
      known.delete(name)
    }
  }

  return async (book: Book, group: readonly Received[]): Promise<Facts> => {
    const known = new Map<string, number | null>()
    const uncertain = new Map<string, Mention>()
    const mentioned = group.map((received) => mentionsOf(received, book))
    for (const mention of mentioned.flat()) {
      const revision = recall(book, mention.kind, mention.key)
      const name = `${mention.kind} ${mention.key}`
      if (revision === undefined) uncertain.set(name, mention)
      else known.set(name, revision)
    }
    for (const [name, revision] of await settle(uncertain, floorOf(book))) known.set(name, revision)
    const events = new Map<number, Recorded>()
    for (const mentions of mentioned) {
      if (events.size >= maxEvents) break
      const revisionOf = ({ kind, key }: Mention) => known.get(`${kind} ${key}`) ?? null
      const revisions = mentions.flatMap((mention) => revisionOf(mention) ?? [])
      await readInto(events, revisions)
      for (const mention of mentions) {
        const revision = revisionOf(mention)
        const isLost = revision !== null && !events.has(revision)
        if (isLost) known.delete(`${mention.kind} ${mention.key}`)
      }
    }
    check(uncertain, known, events)
    const unsettled = new Set([...uncertain.keys()].filter((name) => !known.has(name)))
    const balance = await fetchTrialBalance(book, group[0], sources)
    return { known, events, unsettled, balance }
  }
}
