import { setTimeout as sleep } from 'node:timers/promises'
import { type Projection, schemaOf } from '../../projections/projection.ts'
import { bookOf } from '../event-store.ts'
import { advance, type Projecting } from './advance.ts'
import { readCheckpoint } from './runner.ts'
import { raiseStaleTags } from './stale-tags.ts'

const window = 1_000
const booksAtOnce = 4

/**
 * Finds what the wake-ups missed. It reads the whole log from where every book was last known to be
 * folded, and folds each book that is behind what it saw; so a lost, flushed or absent queue costs
 * latency only. A book that halted is passed over here and tried again by `retryHalted`.
 */
const sweep = async (projecting: Projecting, projection: Projection): Promise<void> => {
  const { db, store, cache } = projecting
  const schema = schemaOf(projection)
  await raiseStaleTags(db, cache, projection)
  await retryHalted(projecting, projection)
  for (;;) {
    const { rows } = await db.query(`select position from ${schema}.scan`)
    const start = BigInt(rows[0].position)
    let position = start
    let count = 0
    const heads = new Map<string, number>()
    for await (const { stream, revision, position: place } of store.readAll(start, window)) {
      const bookId = bookOf(stream)
      if (bookId !== null) heads.set(bookId, revision)
      position = place
      count++
    }
    if (count === 0) return
    let behind = 0
    const books = [...heads]
    const foldBooks = async () => {
      for (let book = books.pop(); book; book = books.pop()) {
        if (await foldUpTo(projecting, projection, ...book)) behind++
      }
    }
    await Promise.all(Array.from({ length: booksAtOnce }, foldBooks))
    projecting.metrics.behind.set({ projection: projection.name }, behind)
    if (projecting.stopping.aborted) return
    await db.query(`update ${schema}.scan set position = greatest(position, $1)`, [position])
    if (count < window) return
  }
}

/** Whether the book was behind. */
const foldUpTo = async (
  projecting: Projecting,
  projection: Projection,
  bookId: string,
  revision: number,
): Promise<boolean> => {
  let wasBehind = false
  while (!projecting.stopping.aborted) {
    const checkpoint = await readCheckpoint(projecting.db, projection, bookId)
    if (checkpoint.revision >= revision) return wasBehind
    wasBehind = true
    if ((await advance(projecting, projection, bookId, revision)) === 'halted') break
  }
  return wasBehind
}

/** A halted book is tried again after 1, 2, 4 ... at most 60 seconds. */
const retryHalted = async (projecting: Projecting, projection: Projection): Promise<void> => {
  const { rows } = await projecting.db.query(
    `select book_id,
       failed_at + least(60, power(2, least(attempts, 7) - 1)) * interval '1 second' < now() as is_due
     from ${schemaOf(projection)}.failure`,
  )
  projecting.metrics.halted.set({ projection: projection.name }, rows.length)
  for (const { book_id, is_due } of rows) {
    if (is_due) await advance(projecting, projection, book_id)
  }
}

const everyMs = 1_000

/** Sweeps every second until stopped. A sweep that fails is logged and tried again. */
export const sweepUntilStopped = async (
  projecting: Projecting,
  projection: Projection,
): Promise<void> => {
  const { stopping, log } = projecting
  while (!stopping.aborted) {
    try {
      await sweep(projecting, projection)
    } catch (error) {
      log.warn({ err: error, projection: projection.name }, 'sweep failed')
    }
    await sleep(everyMs, undefined, { signal: stopping }).catch(() => {})
  }
}
