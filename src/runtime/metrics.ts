import { LRUCache } from 'lru-cache'
import type { Pool } from 'pg'
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

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
    cache: new Counter({
      name: 'daybook_cache_answers_total',
      help: 'Reads by what the cache did: hit, miss, or away',
      labelNames: ['result'],
      registers,
    }),
  }
}
export type ApiMetrics = ReturnType<typeof apiMetrics>

/** Books with a label of their own: those folded last, because labels must stay few. */
const maxBooks = 200

export const workerMetrics = (register: Registry) => {
  const registers = [register]
  const revision = new Gauge({
    name: 'daybook_projection_revision',
    help: `Up to which revision a book is folded; the ${maxBooks} books folded last`,
    labelNames: ['projection', 'book'],
    registers,
  })
  const recent = new LRUCache<string, Readonly<Record<'projection' | 'book', string>>>({
    max: maxBooks,
    dispose: (labels, _, reason) => {
      if (reason === 'evict') revision.remove(labels)
    },
  })
  return {
    folded: new Counter({
      name: 'daybook_projection_events_total',
      help: 'Events folded; its rate is that of the projection',
      labelNames: ['projection'],
      registers,
    }),
    lag: new Histogram({
      name: 'daybook_projection_lag_seconds',
      help: 'From the recording of a page’s last event to its being visible',
      labelNames: ['projection'],
      buckets: [...seconds, 30, 60, 300],
      registers,
    }),
    behind: new Gauge({
      name: 'daybook_projection_books_behind',
      help: 'Books that the last sweep found behind the log',
      labelNames: ['projection'],
      registers,
    }),
    halted: new Gauge({
      name: 'daybook_projection_books_halted',
      help: 'Books that stand still at an event that cannot be folded',
      labelNames: ['projection'],
      registers,
    }),
    setRevision: (labels: { projection: string; book: string }, value: number): void => {
      recent.set(`${labels.projection} ${labels.book}`, labels)
      revision.set(labels, value)
    },
  }
}
export type WorkerMetrics = ReturnType<typeof workerMetrics>
