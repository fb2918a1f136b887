import type { Recorded } from '../../../domain/events/index.ts'
import { inTransaction, isRefusedData } from '../../postgres.ts'
import { advance } from '../advance.ts'
import {
  foldEvents,
  loadMissing,
  lockCheckpoint,
  type Missing,
  missingOf,
  readCheckpoint,
} from '../apply-page.ts'
import { type Build, beginPage } from '../build.ts'
import { addDigests, type Spelled, spellSlowly, writeChanges } from '../changes.ts'
import { type Checkpoint, type Page, Poison, pageReader } from '../page.ts'
import { type RowLines, rowLines } from '../row-lines.ts'
import { type RowSet, rowSet } from '../row-set.ts'
import { createKey } from '../schema.ts'
import { goOn, Interrupted, type Rebuilding } from './rebuilding.ts'

/** What is written in one transaction: so many rows or, where few change, so many events. */
const maxChunkRows = 30_000
const maxChunkEvents = 20_000
/** Rows of a table that stay in memory between chunks. */
const keptRows = 50_000

/** One book's fold as it stands: `written` settles when all that was handed over is committed. */
type Fold = {
  readonly rebuilding: Rebuilding
  readonly build: Build
  readonly bookId: string
  readonly upTo: number
  readonly set: RowSet
  readonly lines: ReadonlyMap<string, RowLines>
  written: Promise<void>
}

/**
 * Folds a book up to a revision into tables without indexes. While Postgres takes one chunk the
 * next is folded and the page after it is read. Rows stay in memory from chunk to chunk, so few are
 * read back. Each chunk is a transaction with its checkpoint, as every page of the runner is; so it
 * can be left and taken up at any point, by anybody.
 */
export const foldBook = async (
  rebuilding: Rebuilding,
  build: Build,
  bookId: string,
  upTo: number,
): Promise<void> => {
  const tables = Object.entries(build.projection.tables)
  const lines = new Map(tables.map(([name, table]) => [name, rowLines(table)]))
  const set = rowSet(build.projection, { keep: keptRows, lines, isTagged: false })
  const written = Promise.resolve()
  const fold: Fold = { rebuilding, build, bookId, upTo, set, lines, written }
  try {
    await foldChunks(fold)
    await fold.written
  } catch (error) {
    await fold.written.catch(() => {})
    if (!(error instanceof Poison) && !isRefusedData(error)) throw error
    // The runner finds the event, folds what is before it and records why the book stands still.
    while ((await advance(rebuilding.projecting, build, bookId, { upTo })) === 'more') {
      goOn(rebuilding)
    }
  }
}

const foldChunks = async (fold: Fold): Promise<void> => {
  const { rebuilding, build, bookId, upTo, set, lines } = fold
  let checkpoint = await readCheckpoint(rebuilding.db, build, bookId)
  let next = pageAfter(fold, checkpoint)
  while (checkpoint.revision < upTo) {
    goOn(rebuilding)
    let last: Page | null = null
    let events = 0
    while (set.pending() < maxChunkRows && events < maxChunkEvents) {
      const page = await next
      if (!page) break
      const missing = missingOf(build, page, set)
      // Rows that are looked for may be among those that are no objects any more.
      if ([...missing.keys()].some((name) => lines.get(name)?.count())) break
      next = pageAfter(fold, page.next)
      await foldPage(fold, page, missing)
      await rebuilding.projecting.rest()
      events += page.events.length
      last = page
    }
    // The log is an older copy than what was planned from.
    if (!last) return
    const spelled = await spellSlowly(build, set, lines)
    await fold.written
    fold.written = writeChunk(fold, checkpoint, last, spelled)
    fold.written.catch(() => {})
    checkpoint = last.next
  }
}

/** Begins to read at once; what goes wrong is told to whoever waits for it. */
const pageAfter = (
  { rebuilding, bookId, upTo }: Fold,
  checkpoint: Checkpoint,
): Promise<Page | null> => {
  const limit = upTo - checkpoint.revision
  if (limit <= 0) return Promise.resolve(null)
  const page = pageReader(rebuilding.projecting.store)(bookId, checkpoint, limit)
  page.catch(() => {})
  return page
}

const foldPage = async (fold: Fold, page: Page, missing: Missing): Promise<void> => {
  const { rebuilding, build, set } = fold
  if (missing.size > 0) {
    // One that is not in memory any more may be on its way to the database.
    await fold.written
    await Promise.all([...missing.keys()].map((name) => makeFindable(rebuilding, build, name)))
    await loadMissing(rebuilding.db, build, missing, set)
  }
  foldEvents(build, page, set)
}

/** Keys of tables without one are made when a row is first looked for: many never are. */
const makeFindable = (
  { db, findable }: Rebuilding,
  { projection, schema }: Build,
  name: string,
): Promise<unknown> => {
  const table = projection.tables[name]
  if (!table) throw new Error(`${projection.name} has no table ${name}`)
  const place = `${schema}.${name}`
  const making = findable.get(place) ?? db.query(createKey(schema, name, table))
  findable.set(place, making)
  return making
}

const writeChunk = async (
  { rebuilding, build, bookId }: Fold,
  from: Checkpoint,
  { next, position, events }: Page,
  spelled: readonly Spelled[],
): Promise<void> => {
  for (const { place, changed } of spelled) {
    if (changed.length > 0) await makeFindable(rebuilding, build, place.name)
  }
  await inTransaction(rebuilding.db, beginPage(build), async (client) => {
    const locked = await lockCheckpoint(client, build, bookId, from)
    if (!locked) throw new Interrupted(`another worker folds book ${bookId}`)
    await writeChanges(client, spelled)
    const { metadata } = events.at(-1) as Recorded
    const digests = JSON.stringify(addDigests(locked.digests, spelled))
    await client.query(
      `update ${build.schema}.checkpoint
       set revision = $2, event_hash = $3, position = $4, updated_at = $5, digests = $6
       where book_id = $1`,
      [bookId, next.revision, next.eventHash, position, metadata.recorded_at, digests],
    )
  })
}
