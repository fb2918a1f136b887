import { setTimeout as sleep } from 'node:timers/promises'
import { Queue, Worker } from 'bullmq'
import type { Redis } from 'ioredis'
import { v7 } from 'uuid'
import { time } from '../commands/expire-due.ts'
import { expireHolds } from '../commands/expire-holds.ts'
import type { Outcome, Received } from '../commands/received.ts'
import type { Recorded } from '../domain/events/index.ts'
import { expiriesOf } from '../processes/hold-expiry.ts'
import { ledger } from '../projections/ledger/ledger.ts'
import { untyped } from '../projections/projection.ts'
import type { Logger } from './log.ts'
import type { Database } from './postgres.ts'
import { liveBuild } from './projections/build.ts'

const queueName = 'daybook-expiry'
const closeMs = 3_000
const everyMs = 1_000
const booksAtOnce = 100
const connectionOf = (redis: Redis) => redis as never

export type ExpiryHints = {
  /** Remembers when holds of these events are over. Never waits, never fails: see `expireUntilStopped`. */
  readonly hint: (bookId: string, events: readonly Recorded[]) => void
  readonly close: () => Promise<void>
}

/** Delayed jobs, so that holds end in time: hints, which may be lost. */
export const expiryHints = (redis: Redis, log: Logger): ExpiryHints => {
  const queue = new Queue(queueName, { connection: connectionOf(redis) })
  queue.on('error', (error) => log.debug({ err: error }, 'expiry queue'))
  return {
    hint: (bookId, events) => {
      for (const at of expiriesOf(events)) {
        const delay = Math.max(0, at - Date.now())
        const jobId = `expire-${bookId}-${at}`
        const options = { delay, jobId, removeOnComplete: true, removeOnFail: true }
        queue.add('expire', { book: bookId }, options).catch((error: Error) => {
          log.debug(
            { err: error, book: bookId },
            'an expiry was not noted; the sweep will see to it',
          )
        })
      }
    },
    close: async () => {
      await Promise.race([queue.close(), sleep(closeMs, undefined, { ref: false })])
    },
  }
}

type Expiring = {
  readonly db: Database
  readonly redis: Redis
  readonly log: Logger
  /** A writer over the books: of this process, beside those of the APIs. */
  readonly submit: (received: Received) => Promise<Outcome>
  readonly stopping: AbortSignal
}

/**
 * Lets holds expire in books that nobody writes to. The truth is a sweep, each second, over the open
 * holds of the read model whose time is over; the delayed jobs only make it earlier. A book that is
 * written to has mostly seen to it itself.
 */
export const expireUntilStopped = (expiring: Expiring): { readonly done: Promise<void> } => {
  const { redis, log, stopping } = expiring
  const worker = new Worker<{ book: string }>(
    queueName,
    (job) => expireDueIn(expiring, job.data.book),
    { connection: connectionOf(redis), concurrency: 4 },
  )
  worker.on('error', (error) => log.debug({ err: error }, 'expiry worker'))
  worker.on('failed', (job, error) => log.warn({ err: error, book: job?.data.book }, 'not expired'))
  const sweeping = sweepUntilStopped(expiring)
  const close = async () => {
    await sweeping
    await Promise.race([worker.close(), sleep(closeMs, undefined, { ref: false })])
  }
  const stopped = new Promise<void>((resolve) => {
    if (stopping.aborted) resolve()
    else stopping.addEventListener('abort', () => resolve(), { once: true })
  })
  return { done: stopped.then(close) }
}

const sweepUntilStopped = async (expiring: Expiring): Promise<void> => {
  const { log, stopping } = expiring
  while (!stopping.aborted) {
    try {
      await expireDueIn(expiring, null)
    } catch (error) {
      log.warn({ err: error }, 'holds that are over could not be looked for')
    }
    await sleep(everyMs, undefined, { signal: stopping }).catch(() => {})
  }
}

/** In one book, or in any where something is due. */
const expireDueIn = async (expiring: Expiring, bookId: string | null): Promise<void> => {
  const { db, log, submit, stopping } = expiring
  const live = await liveBuild(db, untyped(ledger))
  if (!live) return
  const { rows } = await db.query<{ book_id: string }>(
    `select distinct book_id from ${live.schema}.transaction
     where status = 'pending' and expires_at <= now() and ($1::uuid is null or book_id = $1)
     limit ${booksAtOnce}`,
    [bookId],
  )
  for (const { book_id } of rows) {
    if (stopping.aborted) return
    try {
      await submit(expiryOf(book_id))
    } catch (error) {
      // One book's trouble is no concern of the others; the next sweep tries it again.
      log.warn({ err: error, book: book_id }, 'holds of a book could not expire')
    }
  }
}

const expiryOf = (bookId: string): Received => {
  const commandId = v7()
  return {
    command: expireHolds as unknown as Received['command'],
    data: {},
    bookId,
    commandId,
    actor: time,
    isAdmin: true,
    isDryRun: false,
    correlationId: commandId,
    key: null,
    ids: [],
    salt: '',
    bytes: 0,
  }
}
