import type { Recorded } from '../../domain/events/index.ts'
import type { TagCache } from '../cache.ts'
import type { EventStore } from '../event-store.ts'
import type { Logger } from '../log.ts'
import type { WorkerMetrics } from '../metrics.ts'
import type { Rest } from '../niceness.ts'
import { type Database, isRefusedData } from '../postgres.ts'
import type { Tell } from '../telemetry.ts'
import { type Applied, applyPage, recordFailure } from './apply-page.ts'
import type { Build } from './build.ts'
import { type FoldMemory, type Known, readKnown } from './fold-memory.ts'
import { hasLastEvent } from './lost.ts'
import { type Page, Poison, type ReadPage, readOnce } from './page.ts'
import { raiseTags } from './stale-tags.ts'
import type { Tail } from './tail.ts'

export type Projecting = {
  readonly db: Database
  readonly store: EventStore
  /** Of the same store. */
  readonly tail: Tail
  readonly memory: FoldMemory
  readonly cache: TagCache
  readonly log: Logger
  readonly metrics: WorkerMetrics
  readonly tell: Tell | null
  /** Aborted when the process is to stop: what is under way is finished, nothing new is begun. */
  readonly stopping: AbortSignal
  /** Between pages that are full. */
  readonly rest: Rest
}

export type Progress = 'caught_up' | 'more' | 'halted'

/** Longer work is cut into slices, so that one book's backlog does not starve the others. */
const sliceMs = 10_000

/** Folds what is new in a book into each of these builds, and reads it once as far as it can. */
export const advanceAll = async (
  projecting: Projecting,
  builds: readonly Build[],
  bookId: string,
): Promise<void> => {
  const { stopping, tail } = projecting
  const read = readOnce(tail.read)
  const advanceOne = async (build: Build): Promise<void> => {
    while ((await advance(projecting, build, bookId, { read })) === 'more' && !stopping.aborted);
  }
  const results = await Promise.allSettled(builds.map(advanceOne))
  for (const result of results) if (result.status === 'rejected') throw result.reason
}

type Options = {
  /** Who asks for a revision gets the page that has it and no more: a busy book has news for ever. */
  readonly upTo?: number
  readonly read?: ReadPage
}

const latest = new Map<string, Promise<unknown>>()

/**
 * Folds what is new in a book, page by page, until nothing is or the slice is over. What comes in
 * after the last page was read comes with a hint of its own. In one process a book is folded by one
 * caller after the other: together they would only wait for one row lock.
 */
export const advance = async (
  projecting: Projecting,
  build: Build,
  bookId: string,
  { upTo = Number.POSITIVE_INFINITY, read = projecting.tail.read }: Options = {},
): Promise<Progress> => {
  const key = `${build.id} ${bookId}`
  const before = latest.get(key) ?? Promise.resolve()
  const fold = () => foldOrHalt({ projecting, build, bookId, upTo, read })
  const mine = before.catch(() => {}).then(fold)
  latest.set(key, mine)
  try {
    return await mine
  } finally {
    if (latest.get(key) === mine) latest.delete(key)
  }
}

type Folding = Required<Options> & {
  readonly projecting: Projecting
  readonly build: Build
  readonly bookId: string
}

const foldOrHalt = async (folding: Folding): Promise<Progress> => {
  const { projecting, build, bookId, upTo } = folding
  const { db, memory, log } = projecting
  const known = memory.take(build, bookId)
  // Who asks for a revision has seen that Postgres has it not: it may have lost what this one knows.
  const isDoubtful = known !== undefined && known.checkpoint.revision >= upTo
  try {
    if (known && !isDoubtful) return await foldSlice(folding, known)
  } catch (error) {
    // What this process knew may have been out of date.
    if (!(error instanceof Poison)) throw error
  }
  try {
    return await foldSlice(
      folding,
      await readKnown(db, build, bookId, isDoubtful ? known : undefined),
    )
  } catch (error) {
    if (!(error instanceof Poison)) throw error
    if (!error.isSkippable && !(await hasLastEvent(projecting, build, bookId))) return 'halted'
    await recordFailure(db, build, bookId, error)
    const { projection, id } = build
    const { revision } = error
    const facts = { projection: projection.name, build: id, book: bookId, revision }
    log.error({ ...facts, err: error.cause }, 'book halted: an event cannot be folded')
    return 'halted'
  }
}

const foldSlice = async (folding: Folding, start: Known): Promise<Progress> => {
  const { projecting, build, bookId, upTo } = folding
  const { db, memory, stopping } = projecting
  const end = Date.now() + sliceMs
  let known = start
  let ahead: Promise<Page | null> | null = null
  let progress: Progress = 'more'
  while (progress === 'more' && Date.now() < end && !stopping.aborted) {
    const page: Page | null = await (ahead ?? pageAfter(folding, known))
    ahead = null
    if (!page) {
      progress = 'caught_up'
      break
    }
    // The next page is read while Postgres writes this one.
    ahead = page.isCut ? pageAfter(folding, { checkpoint: page.next }) : null
    ahead?.catch(() => {})
    const applied = await applyUpToPoison(db, build, page, known)
    const isWhole = applied?.revision === page.next.revision
    const raised = applied?.isLive ? await announce(projecting, build, page, applied) : null
    if (page.isFull) await projecting.rest()
    if (isWhole) {
      known = { ...known, checkpoint: page.next, raised }
      if (upTo <= page.next.revision || (upTo === Number.POSITIVE_INFINITY && !page.isCut)) {
        progress = 'caught_up'
      }
    } else {
      // Another worker was faster, or the page was cut short.
      ahead = null
      known = await readKnown(db, build, bookId)
    }
  }
  memory.keep(build, bookId, known)
  return progress
}

/** What follows the checkpoint, unless that is as far as was asked for. */
const pageAfter = async (
  { read, bookId, upTo }: Folding,
  { checkpoint }: Pick<Known, 'checkpoint'>,
): Promise<Page | null> =>
  checkpoint.revision >= upTo ? null : read(bookId, checkpoint, Number.POSITIVE_INFINITY)

/** Raises the tags, and says that they are: the id under which they are still kept, or null. */
const announce = async (
  projecting: Projecting,
  build: Build,
  page: Page,
  { tags, tagsId, revision }: Applied,
): Promise<number | null> => {
  const isRaised = await raiseTags(projecting.cache, build, tags, revision)
  tellFolded(projecting, build.projection.name, page, revision)
  return isRaised ? tagsId : null
}

/** In numbers, and for the log: which commands are visible now. */
const tellFolded = (
  { metrics, tell, log }: Projecting,
  projection: string,
  { bookId: book, events, from }: Page,
  revision: number,
): void => {
  const folded = events.filter((event) => event.revision <= revision)
  const recordedAt = Date.parse(folded.at(-1)?.metadata.recorded_at ?? '')
  const lag = Math.max(0, Date.now() - recordedAt) / 1000
  const labels = { projection, book }
  metrics.page(labels, { events: folded.length, revision, lag })
  for (const { metadata, type } of tell ? folded : []) {
    const { correlation_id, command_id } = metadata
    const seconds = (Date.now() - Date.parse(metadata.recorded_at)) / 1000
    tell?.({ name: `fold ${type}`, seconds, attributes: { ...labels, correlation_id, command_id } })
  }
  if (!log.isLevelEnabled('debug')) return
  const correlation_ids = folded.map(({ metadata }) => metadata.correlation_id)
  log.debug({ ...labels, from: from.revision + 1, to: revision, correlation_ids }, 'folded')
}

/** The events before one that cannot be folded or, in halves until it is found, not be written. */
const applyUpToPoison = async (
  db: Database,
  build: Build,
  page: Page,
  known?: Known,
): ReturnType<typeof applyPage> => {
  try {
    return await applyPage(db, build, page, known)
  } catch (error) {
    const isFound = error instanceof Poison
    if (!isFound && !isRefusedData(error)) throw error
    const [first, ...others] = page.events as [Recorded, ...Recorded[]]
    if (!isFound && others.length === 0) {
      throw new Poison(first.revision, first.id, error as Error)
    }
    const half = first.revision + Math.ceil(page.events.length / 2)
    const end = isFound ? error.revision : half
    const events = page.events.filter(({ revision }) => revision < end)
    if (events.length === 0) throw error
    return applyUpToPoison(db, build, { ...page, events })
  }
}
