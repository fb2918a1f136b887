import type { Book } from '../domain/book.ts'
import { addToTrialBalance, type TrialBalance } from '../domain/trial-balance.ts'
import { upcast } from '../domain/upcast.ts'
import { authorise } from './authorise.ts'
import type { BookLog } from './book-log.ts'
import type { GroupBalance } from './facts.ts'
import type { Received } from './received.ts'
import { within } from './within.ts'

/**
 * A trial balance of what counts before an instant (in ms since 1970), from somewhere that may lag
 * behind the book, and the revision that it shows. Rejects when it cannot be had.
 */
export type BalanceIndex = (
  bookId: string,
  end: number,
) => Promise<{ readonly revision: number; readonly balance: TrialBalance }>

export type BalanceSources = {
  readonly log: BookLog
  readonly balances: BalanceIndex
  readonly clock: () => number
  readonly after: (ms: number, run: () => void) => () => void
  readonly warn: (message: string, details: object) => void
}

/** The stream is not read for longer. */
const gapMs = 3_000
const indexMs = 1_500

/**
 * The trial balance that the first command of a group needs, at the book's revision: what an index
 * has, and the events after it. Nobody makes a book work who may not command it.
 */
export const fetchTrialBalance = async (
  book: Book,
  first: Received | undefined,
  { log, balances, clock, after, warn }: BalanceSources,
): Promise<GroupBalance | null> => {
  if (!first?.command.trialBalanceEnd) return null
  if (authorise(first, book)) return { of: first, balance: null }
  const end = first.command.trialBalanceEnd(first.data, book)

  const fromIndex = async () => {
    try {
      const found = await within(indexMs, balances(book.id, end), after)
      // What has seen more than this writer was made of another log, or this writer is behind.
      if (found.revision <= book.revision) return found
    } catch (error) {
      warn('the balances are away: adding the whole book up', {
        book: book.id,
        error: (error as Error).message,
      })
    }
    return { revision: -1, balance: new Map() as TrialBalance }
  }

  const { revision, balance } = await fromIndex()
  const deadline = clock() + gapMs
  const missing = book.revision - revision
  if (missing === 0) return { of: first, balance }
  let reached = revision
  for await (const stored of log.read(book.id, revision + 1, missing)) {
    addToTrialBalance(balance, upcast(stored), end)
    reached = stored.revision
    if (clock() > deadline) break
  }
  return { of: first, balance: reached === book.revision ? balance : null }
}
