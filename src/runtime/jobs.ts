import { setTimeout as sleep } from 'node:timers/promises'
import { Queue, Worker } from 'bullmq'
import type { Redis } from 'ioredis'
import { within } from '../commands/within.ts'
import type { Logger } from './log.ts'
import { after } from './timers.ts'

const queueName = 'daybook'
/** Longer than the connection waits for an answer to one command. */
const addMs = 3_000
/** Without Redis the library would wait for it before it closes. */
const closeMs = 3_000
const connectionOf = (redis: Redis) => redis as never

export type WakeUps = {
  /** Says that a book has so many new events. Never waits and never fails: the sweep sees what this missed. */
  readonly wake: (bookId: string, events: number) => void
  /** How many hints there are, by state; none if the queue is away. */
  readonly counts: () => Promise<Readonly<Record<string, number>>>
  readonly close: () => Promise<void>
}

/**
 * Between two hints of a book: while it is written to, a hint an append would cost the API a tenth of
 * its time, and the worker a transaction each, to gain what nobody waits for.
 */
const spacingMs = 20
/** Where so many events came in that time, a page costs more than waiting for a larger one. */
const busyEvents = 30
const busyMs = 30

/** The first hint of a book goes at once; one more follows if there was news meanwhile. */
export const wakeUps = (redis: Redis, log: Logger): WakeUps => {
  const queue = new Queue(queueName, { connection: connectionOf(redis) })
  queue.on('error', (error) => log.debug({ err: error }, 'wake-up queue'))
  /** Of books that were hinted at just now: how many events came since. */
  const since = new Map<string, number>()

  const add = async (bookId: string): Promise<void> => {
    try {
      const options = {
        deduplication: { id: bookId, keepLastIfActive: true },
        removeOnComplete: true,
        removeOnFail: true,
      }
      // Where Redis goes away in the midst of it the library may never say so, and all later hints
      // for this book would wait for this one.
      await within(addMs, queue.add('book', { book: bookId }, options), after)
    } catch (error) {
      log.debug({ err: error, book: bookId }, 'a wake-up was not sent; the sweep will see to it')
    }
  }

  const addWhileNews = async (bookId: string): Promise<void> => {
    const news = () => since.get(bookId) ?? 0
    do {
      since.set(bookId, 0)
      await add(bookId)
      await sleep(spacingMs, undefined, { ref: false })
      if (news() >= busyEvents) await sleep(busyMs, undefined, { ref: false })
    } while (news() > 0)
    since.delete(bookId)
  }

  return {
    wake: (bookId, events) => {
      const before = since.get(bookId)
      if (before === undefined) void addWhileNews(bookId)
      else since.set(bookId, before + events)
    },
    counts: () => queue.getJobCounts('waiting', 'active', 'failed').catch(() => ({})),
    close: async () => {
      await Promise.race([queue.close(), sleep(closeMs, undefined, { ref: false })])
    },
  }
}

/** Takes hints and hands each to `handle`. A hint that fails is dropped: the sweep comes anyway. */
export const wakeUpWorker = (
  redis: Redis,
  handle: (bookId: string) => Promise<void>,
  log: Logger,
): { close: () => Promise<void> } => {
  const worker = new Worker<{ book: string }>(queueName, (job) => handle(job.data.book), {
    connection: connectionOf(redis),
    concurrency: 4,
    lockDuration: 15_000,
    stalledInterval: 5_000,
    maxStalledCount: 10,
  })
  worker.on('error', (error) => log.debug({ err: error }, 'wake-up worker'))
  worker.on('failed', (job, error) => log.warn({ err: error, book: job?.data.book }, 'fold failed'))
  return {
    close: async () => {
      await Promise.race([worker.close(), sleep(closeMs, undefined, { ref: false })])
    },
  }
}
