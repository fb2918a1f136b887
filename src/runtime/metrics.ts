import { LRUCache } from 'lru-cache'
import type { Pool } from 'pg'
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { begunAfter } from './single-flight.ts'

const seconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/** A registry of this process's own, with what Node tells of itself. */
export const createRegistry = (): Registry => {
  const register = new Registry()
  collectDefaultMetrics({ register })
  return register
}

export const observePool = (register: Registry, pool: Pool): void => {
  new Gauge({
    name: 'daybook_pool_connections',
    help: 'Postgres connections of this process, and callers waiting for one',
    labelNames: ['state'],
    registers: [register],
    collect() {
      this.set({ state: 'total' }, pool.totalCount)
      this.set({ state: 'idle' }, pool.idleCount)
      this.set({ state: 'waiting' }, pool.waitingCount)
    },
  })
}

/** Wake-ups in the queue, by state; asked for when the metrics are read. */
export const observeQueue = (
  register: Registry,
  counts: () => Promise<Readonly<Record<string, number>>>,
): void => {
  new Gauge({
    name: 'daybook_queue_jobs',
    help: 'Wake-ups in the queue by state; none of them matters, all of them together do',
    labelNames: ['state'],
    registers: [register],
    async collect() {
      for (const [state, count] of Object.entries(await counts())) this.set({ state }, count)
    },
  })
}

export const apiMetrics = (register: Registry) => {
  const registers = [register]
  return {
    requests: new Histogram({
      name: 'daybook_http_request_seconds',
      help: 'Requests by route and status',
      labelNames: ['method', 'route', 'status'],
      buckets: seconds,
      registers,
    }),
    commands: new Counter({
      name: 'daybook_commands_total',
      help: 'Commands by outcome: done, replayed, or the code of the refusal',
      labelNames: ['command', 'outcome'],
      registers,
    }),
    waiting: new Gauge({
      name: 'daybook_commands_waiting',
      help: 'Commands handed to a book writer and not answered yet',
      registers,
    }),
    groupSize: new Histogram({
      name: 'daybook_append_events',
      help: 'Events appended in one call: the size of a group',
      buckets: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000],
      registers,
    }),
    appends: new Histogram({
      name: 'daybook_append_seconds',
      help: 'Appends to the event store by result: appended, wrong_revision (a conflict), unknown',
      labelNames: ['result'],
      buckets: seconds,
      registers,
    }),
    forwards: new Counter({
      name: 'daybook_forwards_total',
      help:
        'Commands of books that another process writes: answered there, taken_over and decided ' +
        'here because it cannot be reached, or lost on their way back',
      labelNames: ['result'],
      registers,
    }),
    eventsRead: new Counter({
      name: 'daybook_writer_events_read_total',
      help: 'Events that writers read from the log: to begin with, after a conflict, and old ones',
      registers,
    }),
    lookups: new Counter({
      name: 'daybook_lookup_questions_total',
      help: 'Questions for keys and ids older than the memory of a writer: answered, or away',
      labelNames: ['result'],
      registers,
    }),
    cache: cacheCounter(register),
  }
}

/** Counts in plain numbers, which become a metric when somebody asks. */
const cacheCounter = (register: Registry): ((result: CacheResult) => void) => {
  const counted: Record<CacheResult, number> = { hit: 0, miss: 0, away: 0 }
  new Counter({
    name: 'daybook_cache_answers_total',
    help: 'Reads by what the cache did: hit, miss, or away',
    labelNames: ['result'],
    registers: [register],
    collect() {
      this.reset()
      for (const [result, count] of Object.entries(counted)) this.inc({ result }, count)
    },
  })
  return (result) => {
    counted[result]++
  }
}
type CacheResult = 'hit' | 'miss' | 'away'

export type ApiMetrics = ReturnType<typeof apiMetrics>

/** Books with a label of their own: those folded last, because labels must stay few. */
const maxBooks = 200

type BookLabels = Readonly<Record<'projection' | 'book', string>>

export const workerMetrics = (register: Registry) => {
  const registers = [register]
  const ofBook = { labelNames: ['projection', 'book'], registers } as const
  const ofProjection = { labelNames: ['projection'], registers } as const
  const folded = new Counter({
    name: 'daybook_projection_events_total',
    help: `Events folded, of the ${maxBooks} books folded last; its rate is that of the projection`,
    ...ofBook,
  })
  const revision = new Gauge({
    name: 'daybook_projection_revision',
    help: 'Up to which revision a book is folded',
    ...ofBook,
  })
  const lag = new Histogram({
    name: 'daybook_projection_lag_seconds',
    help: 'From the recording of a page’s last event to its being visible, over all books',
    buckets: [...seconds, 30, 60, 300],
    ...ofProjection,
  })
  const recent = new LRUCache<string, BookLabels>({
    max: maxBooks,
    dispose: (labels, _, reason) => {
      if (reason !== 'evict') return
      for (const metric of [folded, revision]) metric.remove(labels)
    },
  })
  return {
    behind: new Gauge({
      name: 'daybook_projection_books_behind',
      help: 'Books that the last sweep found behind the log',
      ...ofProjection,
    }),
    halted: new Gauge({
      name: 'daybook_projection_books_halted',
      help: 'Books that stand still at an event that cannot be folded',
      ...ofProjection,
    }),
    /** The books folded last. */
    recent: (): Iterable<BookLabels> => recent.values(),
    /** A page of a book is visible. */
    page: (labels: BookLabels, page: { events: number; revision: number; lag: number }): void => {
      recent.set(`${labels.projection} ${labels.book}`, labels)
      folded.inc(labels, page.events)
      revision.set(labels, page.revision)
      lag.observe({ projection: labels.projection }, page.lag)
    },
  }
}
export type WorkerMetrics = ReturnType<typeof workerMetrics>

type Lag = BookLabels & {
  readonly events: number
  /** In ms since 1970: when the first of them was recorded. */
  readonly since: number
}

/**
 * How far live builds are behind, found out when the metrics are read: a book that stands still is
 * further behind each time. While that cannot be found out, those that were behind still are.
 */
export const observeLag = (
  register: Registry,
  { recent }: Pick<WorkerMetrics, 'recent'>,
  lagging: () => Promise<readonly Lag[]>,
): void => {
  let last: readonly Lag[] = []
  const look = async (): Promise<void> => {
    last = await lagging().catch(() => last)
  }
  const flight = begunAfter<void>()
  const gauge = (name: string, help: string, valueOf: (lag: Lag) => number) =>
    new Gauge({
      name,
      help,
      labelNames: ['projection', 'book'],
      registers: [register],
      async collect() {
        await flight('look', look)
        this.reset()
        for (const labels of recent()) this.set(labels, 0)
        for (const lag of last) {
          this.set({ projection: lag.projection, book: lag.book }, valueOf(lag))
        }
      },
    })
  gauge(
    'daybook_projection_book_lag_seconds',
    'Since the recording of the oldest event of a book that is not folded yet; 0 where all are',
    ({ since }) => Math.max(0, Date.now() - since) / 1000,
  )
  gauge(
    'daybook_projection_book_lag_events',
    'Events of a book that are not folded yet',
    ({ events }) => events,
  )
}
