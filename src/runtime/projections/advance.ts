import type { Recorded } from '../../domain/events/index.ts'
import type { TagCache } from '../cache.ts'
import type { EventStore } from '../event-store.ts'
import type { Logger } from '../log.ts'
import type { WorkerMetrics } from '../metrics.ts'
import { type Database, isRefusedData } from '../postgres.ts'
import type { Tell } from '../telemetry.ts'
import type { Build } from './build.ts'
import {
  applyPage,
  type Checkpoint,
  type Page,
  Poison,
  readCheckpoint,
  readPage,
  recordFailure,
} from './runner.ts'
import { forgetStaleTags } from './stale-tags.ts'

export type Projecting = {
  readonly db: Database
  readonly store: EventStore
  readonly cache: TagCache
  readonly log: Logger
  readonly metrics: WorkerMetrics
  readonly tell: Tell | null
  /** Aborted when the process is to stop: what is under way is finished, nothing new is begun. */
  readonly stopping: AbortSignal
}

export type Progress = 'caught_up' | 'more' | 'halted'

/** Longer work is cut into slices, so that one book's backlog does not starve the others. */
const sliceMs = 10_000

const latest = new Map<string, Promise<unknown>>()

/**
 * Folds what is new in a book, page by page, until nothing is or the slice is over. In one process
 * a book is folded by one caller after the other: together they would only wait for one row lock.
 * Who asks for a revision gets no more: a busy book has news for ever.
 */
export const advance = async (
  projecting: Projecting,
  build: Build,
  bookId: string,
  upTo = Number.POSITIVE_INFINITY,
): Promise<Progress> => {
  const key = `${build.id} ${bookId}`
  const before = latest.get(key) ?? Promise.resolve()
  const mine = before.catch(() => {}).then(() => foldSlice(projecting, build, bookId, upTo))
  latest.set(key, mine)
  try {
    return await mine
  } finally {
    if (latest.get(key) === mine) latest.delete(key)
  }
}

const foldSlice = async (
  projecting: Projecting,
  build: Build,
  bookId: string,
  upTo: number,
): Promise<Progress> => {
  const { db, store, cache, log, stopping } = projecting
  const end = Date.now() + sliceMs
  try {
    let ahead: Promise<Page | null> | null = null
    while (Date.now() < end && !stopping.aborted) {
      const page: Page | null = await (ahead ?? nextPage(projecting, build, bookId, upTo))
      if (!page) return 'caught_up'
      // The next page is read while Postgres writes this one.
      ahead = page.isFull ? pageAfter(store, bookId, page.next, upTo) : null
      ahead?.catch(() => {})
      const applied = await applyUpToPoison(db, build, page)
      // Another worker was faster, or the page was cut short.
      if (applied?.revision !== page.next.revision) ahead = null
      if (!applied) continue
      const { tagsId, tags, revision } = applied
      if (tagsId !== null) {
        if (await cache.raise(tags, revision)) await forgetStaleTags(db, build, [tagsId])
        tellFolded(projecting, build.projection.name, page, revision)
      }
      if (revision >= upTo) return 'caught_up'
    }
    return 'more'
  } catch (error) {
    if (!(error instanceof Poison)) throw error
    await recordFailure(db, build, bookId, error)
    const { projection, id } = build
    const { revision } = error
    const facts = { projection: projection.name, build: id, book: bookId, revision }
    log.error({ ...facts, err: error.cause }, 'book halted: an event cannot be folded')
    return 'halted'
  }
}

/** What follows the checkpoint, unless that is as far as was asked for. */
const nextPage = async (
  { db, store }: Projecting,
  build: Build,
  bookId: string,
  upTo: number,
): Promise<Page | null> => {
  return pageAfter(store, bookId, await readCheckpoint(db, build, bookId), upTo)
}

const pageAfter = async (
  store: EventStore,
  bookId: string,
  checkpoint: Checkpoint,
  upTo: number,
): Promise<Page | null> => {
  const limit = upTo - checkpoint.revision
  return limit <= 0 ? null : readPage(store, bookId, checkpoint, limit)
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
): ReturnType<typeof applyPage> => {
  try {
    return await applyPage(db, build, page)
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
