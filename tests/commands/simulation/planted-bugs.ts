import type { BookLog, LogHead } from '../../../src/commands/book-log.ts'
import { answerWithin } from '../../../src/commands/book-writer.ts'
import type { Received } from '../../../src/commands/received.ts'
import type { Recorded } from '../../../src/domain/events/index.ts'
import type { StoredEvent } from '../../../src/domain/upcast.ts'
import { idSource } from '../../support/received.ts'
import type { Mutation } from './mutant.ts'
import type { Mistake } from './simulate.ts'

const appends =
  (change: (append: BookLog['append'], log: BookLog) => BookLog['append']) =>
  (log: BookLog): BookLog => ({ ...log, append: change(log.append, log) })

/** Mistakes between the writer and its log, its clock or its commands. */
export const plantedAround: Readonly<Record<string, Mistake>> = {
  'takes an unknown outcome for a failure': {
    log: appends((append) => async (...what) => {
      const result = await append(...what)
      return result.kind === 'unknown' ? { kind: 'wrong_revision' } : result
    }),
  },
  'takes an unknown outcome for success': {
    log: appends((append) => async (...what) => {
      const result = await append(...what)
      return result.kind === 'unknown' ? { kind: 'appended' } : result
    }),
  },
  'decides again when nothing is to be read after an unknown outcome': {
    log: appends((append, log) => async (book, expected, events) => {
      const result = await append(book, expected, events)
      if (result.kind !== 'unknown') return result
      const last = await log.head(book).catch(() => null)
      return last?.revision === expected ? { kind: 'wrong_revision' } : result
    }),
  },
  'tries an append again under new ids': {
    log: appends((append) => {
      const nextId = idSource('f')
      let tried: unknown = null
      return (book, expected, events) => {
        const again = events.map((event) => ({ ...event, id: nextId() }))
        const sent = tried === events ? again : events
        tried = events
        return append(book, expected, sent)
      }
    }),
  },
  'does not check the expected revision': {
    log: (log, { store }) => ({
      ...log,
      append: (book, _, events) => log.append(book, store.events.length - 1, events),
    }),
  },
  'answers before the append': {
    log: appends((append) => async (...what) => {
      void append(...what)
      return { kind: 'appended' }
    }),
  },
  'refuses without reading the tail': {
    log: (log) => {
      let known: LogHead = { revision: -1, hash: null }
      const know = ({ revision, metadata }: Recorded) => {
        if (revision > known.revision) known = { revision, hash: metadata.hash }
      }
      const { append, read } = log
      return {
        append: async (book, expected, events) => {
          const result = await append(book, expected, events)
          if (result.kind === 'appended') events.forEach(know)
          return result
        },
        read: async function* (...what) {
          for await (const event of read(...what)) {
            know(event as Recorded)
            yield event
          }
        },
        head: async () => known,
      }
    },
  },
  'matches a key without its body': {
    received: (received) => ({
      ...received,
      key: received.key && { ...received.key, fingerprint: 'same' },
    }),
  },
  'forgets the keys': { received: (received) => ({ ...received, key: null }) },
  'draws ids when it decides, not when a command is received': {
    received: (received) => {
      const nextId = idSource(received.commandId.slice(24, 32))
      return Object.defineProperty({ ...received }, 'commandId', { get: nextId })
    },
  },
  'draws the ids of transactions when it decides': {
    received: (received): Received => {
      const nextId = idSource(received.commandId.slice(24, 32))
      const get = () => received.ids.map(nextId)
      return Object.defineProperty({ ...received }, 'ids', { get })
    },
  },
  'fetches the event before the one asked for': {
    log: (log) => ({
      ...log,
      read: async function* (book, from, limit) {
        const isOne = limit === 1 && from > 3
        for await (const event of log.read(book, isOne ? from - 1 : from, limit)) {
          yield (isOne ? { ...event, revision: from } : event) as StoredEvent
        }
      },
    }),
  },
  'appends a group in another order': {
    log: appends(
      (append) => (book, expected, events) => append(book, expected, events.toReversed()),
    ),
  },
  'appends the first of a group only': {
    log: appends(
      (append) => (book, expected, events) => append(book, expected, events.slice(0, 1)),
    ),
  },
  'counts what is not in the index though the index is behind': {
    index: ({ find }, { store }) => ({
      find: async (...what) => {
        const { revisions } = await find(...what)
        const head = store.events.at(-1)
        const checkpoint = { revision: head?.revision ?? -1, hash: head?.metadata.hash ?? '' }
        return { checkpoint, revisions }
      },
    }),
  },
  'lets nobody go when time is up': {
    after: (after) => (ms, run) => (ms === answerWithin ? () => {} : after(ms, run)),
  },
}

/** Mistakes within the writer, by changing a place of its compiled text. */
export const plantedWithin: Readonly<Record<string, Mutation>> = {
  'keeps the overlay after a conflict': [
    "if (result.kind !== 'appended')",
    "if (result.kind !== 'appended') committed.commit(book, events);\n        if (result.kind !== 'appended')",
  ],
  'refuses before the append': [
    'const fate = await commit(decided);',
    `decided.outcomes.forEach((outcome, index) => {
                    if (outcome.kind === 'refused') atHand[index].resolve(outcome)
                });
                const fate = await commit(decided);`,
  ],
  'appends for those who were told that nothing is stored': [
    '.filter(({ isAnswered }) => !isAnswered)',
    '',
  ],
  'calls what is being appended not stored': ['isAppending && atHand.includes(waiting)', 'false'],
  'gives up on an append and forgets it': [
    'for (let attempt = 0;; attempt++) {',
    "for (let attempt = 0;; attempt++) {\n            if (attempt > 2) return { kind: 'wrong_revision' };",
  ],
  'answers a group in another order': [
    'return answer(takeAtHand(), decided)',
    'return answer(takeAtHand().toReversed(), decided)',
  ],
  'merges before the append': [
    'const result = await appendUntilCertain(events)',
    'committed.commit(book, events);\n        const result = await appendUntilCertain(events)',
  ],
  'takes a refused attempt for the end of those before it': [
    "result.why !== 'denied' || attempt === 0",
    'true',
  ],
  'builds on what the store refused': [
    "if (result.kind === 'refused') {",
    "if (result.kind === 'refused') {\n            committed.commit(book, events);",
  ],
  'does not read what it missed': ['await committed.catchUp()', 'committed.now().revision++'],
}

/** Mistakes in what it looks up, by changing a place of another module. */
export const plantedBelow: Readonly<Record<string, readonly [module: string, ...Mutation]>> = {
  'trusts an index of another log': [
    'commands/fetch-facts.js',
    'event?.metadata.hash === hash',
    'true',
  ],
  'takes the word of the index for what an event holds': [
    'commands/fetch-facts.js',
    '            known.delete(name);\n',
    '',
  ],
  'takes what it could not settle for new': [
    'commands/fetch-facts.js',
    'return false;',
    'return true;',
  ],
  'forgets what its filter has': [
    'domain/bloom-filter.js',
    'return layers.some(',
    'return [].some(',
  ],
  'does not know that its window has a floor': [
    'domain/memory.js',
    'this.floor = Math.max(this.floor, this.lastOlder);',
    '',
  ],
  'reads a snapshot of another log': [
    'commands/committed-book.js',
    'event?.metadata.hash !== head.hash',
    'false',
  ],
  'reads a broken snapshot': [
    'domain/snapshot/book-snapshot.js',
    "digest.digest('hex') !== summary.digest",
    'false',
  ],
  'commits into what it packs': [
    'commands/committed-book.js',
    'merge(top);',
    'merge(top); if (book.below) merge(top, book.below);',
  ],
  'leaves the filter out of the snapshot': [
    'domain/snapshot/book-snapshot.js',
    'bloomFilter(layers)',
    'bloomFilter()',
  ],
  'takes the window of a snapshot for whole': [
    'domain/snapshot/book-snapshot.js',
    'bloomFilter(layers), head.revision)',
    'bloomFilter(layers), -1)',
  ],
  'looks into its window only': ['domain/book.js', 'memory.filter.mayHave(name)', 'false'],
}
