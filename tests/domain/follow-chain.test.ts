import assert from 'node:assert/strict'
import { hashEvent } from '../../src/domain/chain.ts'
import type { Recorded } from '../../src/domain/events/index.ts'
import { type Broken, beforeFirst, follow } from '../../src/domain/follow-chain.ts'
import type { StoredEvent } from '../../src/domain/upcast.ts'
import { goldenLog } from '../support/golden-book.ts'
import { bookId } from '../support/received.ts'
import { sampleLog } from '../support/sample-book.ts'

type Found = { readonly revision: number; readonly why: Broken['why'] | 'whole' }

/** Where a chain is found broken, and why; or its last revision. */
const followAll = (log: readonly StoredEvent[], id = bookId): Found => {
  let followed = beforeFirst(id)
  for (const event of log) {
    const next = follow(followed, event)
    if ('why' in next) return { revision: event.revision, why: next.why }
    followed = next
  }
  return { revision: followed.revision, why: 'whole' }
}

const log: readonly Recorded[] = sampleLog()
const changed = (at: number, change: (event: StoredEvent) => object): StoredEvent[] =>
  log.map((event, index) => (index === at ? { ...event, ...change(event) } : event))
/** Hashed anew, as a forger would who knows how. */
const withMetadata = (event: StoredEvent, more: object): object => {
  const metadata = { ...(event.metadata as Recorded['metadata']), ...more }
  return { metadata: { ...metadata, hash: hashEvent(event as Recorded, metadata) } }
}

describe('following the chain of a book', () => {
  it('comes to the end of a whole one', () => {
    assert.deepEqual(followAll(log), { revision: log.length - 1, why: 'whole' })
  })

  it('takes events of one moment', () => {
    const last = log.length - 1
    const { recorded_at } = log[last - 1]!.metadata
    const together = changed(last, (event) => withMetadata(event, { recorded_at }))
    assert.deepEqual(followAll(together), { revision: last, why: 'whole' })
  })

  it('comes to the end of the book that the first release recorded', () => {
    assert.deepEqual(followAll(goldenLog), { revision: goldenLog.length - 1, why: 'whole' })
  })

  for (const [what, forged, revision, why] of [
    ['content that was changed', changed(2, () => ({ data: { changed: true } })), 2, 'hash'],
    ['metadata that is missing', changed(3, () => ({ metadata: null })), 3, 'predecessor'],
    ['an event of another type', changed(2, () => ({ type: 'MemberSet' })), 2, 'hash'],
    ['an event of no known type', changed(2, () => ({ type: 'Forged' })), 2, 'unreadable'],
    ['an event under another id', changed(2, () => ({ id: bookId })), 2, 'hash'],
    [
      'an event that follows another',
      changed(2, (event) => withMetadata(event, { previous_hash: '0'.repeat(64) })),
      2,
      'predecessor',
    ],
    [
      'an event that was hashed anew after a change, at the one after it',
      changed(2, (event) => withMetadata(event, { actor: 'a forger' })),
      3,
      'predecessor',
    ],
    [
      'an event that was recorded before the one before it',
      changed(log.length - 1, (event) =>
        withMetadata(event, { recorded_at: '2001-01-01T00:00:00.000Z' }),
      ),
      log.length - 1,
      'order',
    ],
    ['an event that is missing', log.filter(({ revision }) => revision !== 2), 3, 'order'],
    ['a beginning that is missing', log.slice(1), 1, 'order'],
    [
      'events that changed places',
      [...log.slice(0, 2), { ...log[3], revision: 2 }, { ...log[2], revision: 3 }] as StoredEvent[],
      2,
      'predecessor',
    ],
  ] as const) {
    it(`stops at ${what}`, () => {
      assert.deepEqual(followAll(forged), { revision, why })
    })
  }

  it('stops at the first event of another book', () => {
    const other = '00000000-0000-8000-8000-00000000b00d'
    assert.deepEqual(followAll(log, other), { revision: 0, why: 'predecessor' })
  })
})
