import { isDeepStrictEqual } from 'node:util'
import { LRUCache } from 'lru-cache'
import type { Database } from '../postgres.ts'
import { readCheckpoint } from './apply-page.ts'
import type { Build } from './build.ts'
import type { Checkpoint } from './page.ts'
import { type RowSet, rowSet } from './row-set.ts'

/** What a fold knows of its book in a build: how far it is, and rows as they were left there. */
export type Known = {
  readonly checkpoint: Checkpoint
  readonly set: RowSet
  /** The id under which the last page's tags are kept though they were raised. */
  readonly raised: number | null
}

/** Rows of one table that stay after a page, and of all books together. */
const keptRows = 5_000
const maxRows = 100_000

/**
 * What this process folded last, so that neither checkpoint nor rows are read again for the page
 * after it. It may be out of date at any time, for another worker may have gone on: whether it
 * still holds is asked with the lock on the checkpoint. It holds for the one who takes it.
 */
export const foldMemory = () => {
  const known = new LRUCache<string, Known>({
    maxSize: maxRows,
    sizeCalculation: ({ set }) => 1 + set.size(),
  })
  const keyOf = ({ id }: Build, bookId: string): string => `${id} ${bookId}`
  return {
    take: (build: Build, bookId: string): Known | undefined => {
      const key = keyOf(build, bookId)
      const found = known.get(key)
      known.delete(key)
      return found
    },
    keep: (build: Build, bookId: string, what: Known): void => {
      known.set(keyOf(build, bookId), what)
    },
  }
}

export type FoldMemory = ReturnType<typeof foldMemory>

/** The same as Postgres has it: with the rows that were known if that is how far they had come. */
export const readKnown = async (
  db: Database,
  build: Build,
  bookId: string,
  known?: Known,
): Promise<Known> => {
  const checkpoint = await readCheckpoint(db, build, bookId)
  if (known && isDeepStrictEqual(known.checkpoint, checkpoint)) return known
  return { checkpoint, set: rowSet(build.projection, { keep: keptRows }), raised: null }
}
