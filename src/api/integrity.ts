import { setImmediate as yieldToOthers } from 'node:timers/promises'
import { type Broken, type Followed, follow } from '../domain/follow-chain.ts'
import type { StoredEvent } from '../domain/upcast.ts'
import type { History } from './history.ts'

/** What came of following a chain for a while. */
export type Checked = {
  readonly through: Followed
  readonly events: number
  readonly transactions: number
  readonly broken: (Broken & { readonly event: StoredEvent }) | null
}

/** Read at once, to its end: others have their turn between two pages. */
const pageSize = 100
/** As long as an answer may take, without what comes before and after. */
const checkMs = 3_000

/** Follows a book's chain, as the event store has it, up to a revision or until the time is up. */
export const followChain = async (
  history: History,
  bookId: string,
  start: Followed,
  last: number,
): Promise<Checked> => {
  const until = performance.now() + checkMs
  let through = start
  let transactions = 0
  const checked = (broken: Checked['broken']): Checked => {
    return { through, events: through.revision - start.revision, transactions, broken }
  }
  while (through.revision < last && performance.now() < until) {
    const from = through.revision + 1
    let broken: Checked['broken'] = null
    for await (const event of history.read(bookId, from, Math.min(pageSize, last + 1 - from))) {
      if (broken) continue
      const next = follow(through, event)
      if ('why' in next) {
        broken = { ...next, event }
      } else {
        through = next
        transactions += transactionsIn(event)
      }
    }
    if (broken) return checked(broken)
    // A follower that has not got them yet: whoever asks goes on from here.
    if (through.revision < from) break
    await yieldToOthers()
  }
  return checked(null)
}

const transactionsIn = ({ type, data }: StoredEvent): number =>
  type === 'TransactionsRecorded'
    ? (data as { transactions: readonly unknown[] }).transactions.length
    : 0
