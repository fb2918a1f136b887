import { applyBatch } from '../../src/commands/apply-batch.ts'
import { decideGroup } from '../../src/commands/decide-group.ts'
import { openAccounts } from '../../src/commands/open-accounts.ts'
import { openBook } from '../../src/commands/open-book.ts'
import type { Received } from '../../src/commands/received.ts'
import { recordTransactions } from '../../src/commands/record-transactions.ts'
import { emptyBook, merge } from '../../src/domain/book.ts'
import type { Recorded } from '../../src/domain/events/index.ts'
import { itemOf } from './batch-item.ts'
import { factsFrom } from './facts.ts'
import { type History, start } from './histories.ts'
import { bookId, idSource, receivedOf } from './received.ts'
import { settling } from './settling.ts'

/**
 * The events that come of a history, each command decided by itself; every second batch of it is one
 * of all kinds, together with what is done later.
 */
export const eventsOfHistory = ({ accounts, batches }: History): Recorded[] => {
  const book = emptyBook(bookId)
  const log: Recorded[] = []
  const nextId = idSource()
  const take = (received: Received, now: number): void => {
    const decided = decideGroup(book, [received], factsFrom(book, [received], log), now)
    merge(decided.book)
    log.push(...decided.events)
  }
  take(receivedOf(openBook, { name: 'main' }, { nextId }), start)
  take(receivedOf(openAccounts, { accounts: [...accounts] }, { nextId }), start)
  let now = start
  for (const [place, { laterBy, isAtomic, items, settlements }] of batches.entries()) {
    now += laterBy
    if (place % 2 === 1) {
      const later = settlements.map((one) => itemOf(settling(one, nextId)))
      const data = { items: [...items.map((record) => ({ record })), ...later], atomic: false }
      take(receivedOf(applyBatch, data, { nextId }), now)
      continue
    }
    const data = { transactions: [...items], atomic: isAtomic }
    take(receivedOf(recordTransactions, data, { nextId }), now)
    for (const one of settlements) take(settling(one, nextId), now)
  }
  return log
}
