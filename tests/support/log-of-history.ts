import type fc from 'fast-check'
import { openAccounts } from '../../src/commands/open-accounts.ts'
import { openBook } from '../../src/commands/open-book.ts'
import { recordTransactions } from '../../src/commands/record-transactions.ts'
import type { Recorded } from '../../src/domain/events/index.ts'
import { history, start } from './histories.ts'
import { idSource, receivedOf } from './received.ts'
import { logOf } from './sample-book.ts'

/** The events that a history makes, every batch under a key of its own. */
export const logOfHistory: fc.Arbitrary<Recorded[]> = history.map(({ accounts, batches }) => {
  const nextId = idSource()
  let now = start
  const received = batches.map(({ laterBy, isAtomic, items }, place) => {
    now += laterBy
    const data = { transactions: [...items], atomic: isAtomic }
    return { now, received: receivedOf(recordTransactions, data, { nextId, key: `key-${place}` }) }
  })
  return logOf([
    { now: start, received: receivedOf(openBook, { name: 'main' }, { nextId }) },
    { now: start, received: receivedOf(openAccounts, { accounts: [...accounts] }, { nextId }) },
    ...received,
  ])
})
