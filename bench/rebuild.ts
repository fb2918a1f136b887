import { connectEventStore } from '../src/runtime/event-store.ts'
import { connectPostgres } from '../src/runtime/postgres.ts'
import { serveTasks } from './parts/task.ts'
import { copyAgain } from './rebuild/copy-again.ts'
import { foldPages } from './rebuild/fold-pages.ts'
import { foldPlainly } from './rebuild/fold-plainly.ts'
import { rebuildBook } from './rebuild/rebuild-book.ts'

/** One book's read model from scratch. */
export type Rebuild = {
  /** A number: live, so many events at a time. */
  readonly how: 'rebuild' | 'plainly' | 'copy' | number
  readonly bookId: string
}

const db = connectPostgres(process.env['DATABASE_URL'] ?? '', {
  max: 4,
  // An index over millions of rows takes a while.
  statementMs: 600_000,
  onError: () => {},
})
const store = connectEventStore(process.env['EVENTSTORE_URL'] ?? '')

/** Answers how many seconds it took. */
serveTasks(async ({ how, bookId }: Rebuild): Promise<number> => {
  if (typeof how === 'number') return foldPages(db, store, bookId, how)
  switch (how) {
    case 'rebuild':
      return rebuildBook(db, store, bookId)
    case 'plainly':
      return foldPlainly(db, store, bookId)
    case 'copy':
      return copyAgain(db, bookId)
  }
})
