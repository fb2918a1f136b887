import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { type BookWriter, bookWriter, type WriterOptions } from '../../src/commands/book-writer.ts'
import { committedBook } from '../../src/commands/committed-book.ts'
import { openAccounts } from '../../src/commands/open-accounts.ts'
import { openBook } from '../../src/commands/open-book.ts'
import type { Outcome, Received } from '../../src/commands/received.ts'
import { recordTransactions } from '../../src/commands/record-transactions.ts'
import { emptyBook, remember } from '../../src/domain/book.ts'
import { keyScope } from '../../src/domain/lookup.ts'
import { projections } from '../../src/projections/index.ts'
import { connectEventStore } from '../../src/runtime/event-store.ts'
import { lookupIndex } from '../../src/runtime/lookup-index.ts'
import { pauseEvery } from '../../src/runtime/pause.ts'
import { connectPostgres, type Database } from '../../src/runtime/postgres.ts'
import { prepareProjections } from '../../src/runtime/projections/prepare.ts'
import { prepareSnapshots, snapshotStore } from '../../src/runtime/snapshots.ts'

type Place = {
  readonly eventStore: string
  readonly postgres: string
  readonly id: string
  readonly accounts: number
  readonly batches: number
}

export const megabytes = (bytes: number): string => `${Math.round(bytes / 2 ** 20)} MB`
/** What lives, and not what the collector has yet to see. */
const alive = (): number => {
  globalThis.gc?.()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

const actor = randomUUID()
const keyOf = (index: number) => `order-${index}-of-a-client`

/** Of a million transactions, each with an id and a key. */
export const lookupMemory = (window: string): string => {
  const before = alive()
  const book = emptyBook(randomUUID(), Number(window))
  const began = performance.now()
  for (let index = 0; index < 1_000_000; index++) {
    remember(book, 'transaction', randomUUID(), index)
    remember(
      book,
      'key',
      keyScope(actor, 'POST /v1/books/{book}/transactions', keyOf(index)),
      index,
    )
  }
  const took = Math.round(performance.now() - began)
  const bytes = alive() - before
  return (
    `a window of ${book.lookups.size.toLocaleString('en')} of 2,000,000 lookups: ` +
    `${megabytes(bytes)}, remembered in ${took} ms`
  )
}

const received = (place: Place, command: unknown, data: unknown, ids: number): Received => ({
  command: command as Received['command'],
  data,
  bookId: place.id,
  commandId: randomUUID(),
  actor,
  isAdmin: true,
  isDryRun: false,
  correlationId: randomUUID(),
  // No worker keeps the index of lookups here, so that nothing must have to be asked of it.
  key: null,
  ids: Array.from({ length: ids }, () => randomUUID()),
  salt: '00'.repeat(16),
  bytes: 1_000,
})

const account = (index: number) => `assets:customers:${index}`

const openWriter = (place: Place) => {
  const store = connectEventStore(place.eventStore)
  const db = connectPostgres(place.postgres, { max: 4, statementMs: 60_000, onError: () => {} })
  const read = { events: 0 }
  const pause = pauseEvery(5)
  const options: WriterOptions = {
    log: {
      ...store,
      read: async function* (...what) {
        for await (const event of store.read(...what)) {
          read.events++
          yield event
        }
      },
    },
    index: lookupIndex(db),
    balances: () => Promise.reject(new Error('no period is closed here')),
    snapshots: snapshotStore(db),
    limits: { window: 100_000, gap: 20_000, snapshotEvery: 25_000, memory: 2 ** 40 },
    pause,
    clock: Date.now,
    after: (ms, run) => {
      const timer = setTimeout(run, ms)
      return () => clearTimeout(timer)
    },
    random: Math.random,
    appended: () => {},
    warn: (message, details) => console.error(message, details),
  }
  return { options, db, read }
}

const done = (outcome: Outcome): void => {
  if (outcome.kind !== 'done') throw new Error(outcome.rejection.message)
}

const transfers = (index: number, accounts: number) => ({
  transfers: [
    { from: account(index % accounts), to: account((index * 7 + 1) % accounts), amount: '1' },
  ],
})

/** Opens accounts, records batches of 1,000 and then 20,000 transactions, each for itself. */
export const fillBook = async (argument: string): Promise<string> => {
  const place = JSON.parse(argument) as Place
  const { options, db } = openWriter(place)
  const writer = bookWriter(place.id, options)
  await prepareProjections(db, projections)
  await prepareSnapshots(db)
  const began = performance.now()
  done(await writer.submit(received(place, openBook, { name: 'bench' }, 0)))
  for (let first = 0; first < place.accounts; first += 1_000) {
    const accounts = Array.from({ length: 1_000 }, (_, index) => {
      const code = account(first + index)
      return { code, type: 'asset', currency: 'EUR', min_balance: '-1000000000' }
    })
    done(await writer.submit(received(place, openAccounts, { accounts }, 1_000)))
  }
  for (let batch = 0; batch < place.batches; batch++) {
    const transactions = Array.from({ length: 1_000 }, (_, index) =>
      transfers(batch * 1_000 + index, place.accounts),
    )
    const data = { transactions, atomic: true }
    done(await writer.submit(received(place, recordTransactions, data, 1_000)))
  }
  const bytes = await untilKept(place, db, writer)
  for (let first = 0; first < 20_000; first += 500) {
    const group = Array.from({ length: 500 }, (_, index) => {
      const data = { transactions: [transfers(first + index, place.accounts)], atomic: true }
      return writer.submit(received(place, recordTransactions, data, 1))
    })
    for (const outcome of await Promise.all(group)) done(outcome)
  }
  const seconds = ((performance.now() - began) / 1_000).toFixed(0)
  return (
    `filled with ${place.accounts} accounts and ${place.batches} batches in ${seconds} s; ` +
    `it takes ${megabytes(alive())} here; the snapshot ${megabytes(bytes)}`
  )
}

/** Waits for a snapshot of all that there is, and answers its bytes. */
const untilKept = async (place: Place, db: Database, writer: BookWriter): Promise<number> => {
  const batches = Math.ceil(place.accounts / 1_000) + place.batches
  for (;;) {
    await writer.keep()
    const { rows } = await db.query<{ bytes: number }>(
      `select sum(length(bytes))::float8 as bytes
       from writer.snapshot join writer.snapshot_part on snapshot_id = snapshot.id
       where book_id = $1 and is_whole and revision >= $2 group by snapshot.id`,
      [place.id, Math.floor(batches * 0.9)],
    )
    if (rows[0]) return rows[0].bytes
    await sleep(100)
  }
}

/** How soon a process has a book it knew nothing of, and what it takes then. Memory in bytes. */
export type Ready = {
  readonly seconds: number
  readonly cpuSeconds: number
  /** Read from the log, after the snapshot. */
  readonly events: number
  /** What the book adds to what lives, and to the whole process, both after a collection. */
  readonly live: number
  readonly added: number
  readonly process: number
  readonly peak: number
}

export const readBook = async (argument: string): Promise<Ready> => {
  const place = JSON.parse(argument) as Place
  const { options, read } = openWriter(place)
  const before = await collected()
  const book = committedBook(place.id, options)
  const cpu = process.cpuUsage()
  const began = performance.now()
  await book.load()
  const seconds = (performance.now() - began) / 1_000
  const { user, system } = process.cpuUsage(cpu)
  const after = await collected()
  if (book.now().revision < 0) throw new Error('there is no such book')
  return {
    seconds,
    cpuSeconds: (user + system) / 1e6,
    events: read.events,
    live: after.live - before.live,
    added: after.rss - before.rss,
    process: after.rss,
    peak: process.resourceUsage().maxRSS * 1_024,
  }
}

/** Collects more than once: pages are given back a little later than what was on them. */
const collected = async (): Promise<{ live: number; rss: number }> => {
  for (let round = 0; round < 3; round++) {
    globalThis.gc?.()
    await sleep(100)
  }
  return { live: alive(), rss: process.memoryUsage().rss }
}
