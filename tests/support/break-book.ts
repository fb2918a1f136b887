import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { Recorded } from '../../src/domain/events/index.ts'
import { connectEventStore } from '../../src/runtime/event-store.ts'
import type { TestBook } from './book.ts'
import type { Daybook } from './daybook.ts'
import { eventsOf } from './log-of-book.ts'

const noTransactions = { transactions: [], refused: [], existing: [], exponents: {} }
const transaction = {
  id: 'no UUID at all',
  index: 0,
  status: 'posted',
  effective_at: '2024-02-29T00:00:00.000Z',
  description: null,
  metadata: {},
  entries: [],
}

/** What the database cannot take, though the fold can. */
export const unfit = { data: { ...noTransactions, transactions: [transaction] } }
export const unknown = { type: 'SomethingElse' }
/** Of a release that is yet to come. */
export const newer = { metadata: { schema_version: 99 } }

/** Puts an event behind a book's last one that no release would have written. */
export const breakBook = async (
  { environment }: Pick<Daybook, 'environment'>,
  book: TestBook,
  {
    metadata: changed,
    ...change
  }: { readonly metadata?: object; readonly [name: string]: unknown },
): Promise<{ readonly revision: number }> => {
  const events = await eventsOf({ environment }, book.id)
  const last = events.at(-1) as Recorded
  const revision = last.revision + 1
  const { hash: previous_hash } = last.metadata
  const metadata = { ...last.metadata, previous_hash, hash: 'f'.repeat(64), ...changed }
  const base = { id: randomUUID(), revision, metadata, type: 'TransactionsRecorded' }
  const event = { ...base, data: noTransactions, ...change } as Recorded
  const store = connectEventStore(environment['EVENTSTORE_URL'] as string)
  const { kind } = await store.append(book.id, last.revision, [event])
  assert.equal(kind, 'appended')
  await store.close()
  return { revision }
}
