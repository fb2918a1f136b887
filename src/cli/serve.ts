import { setTimeout as sleep } from 'node:timers/promises'
import { Argument, Command } from 'commander'
import { apiConfig, workerConfig } from '../runtime/config.ts'
import { stopSignal } from '../runtime/stop-signal.ts'
import { UserError } from './report-failure.ts'
import type { Running } from './serve-api.ts'

/** Each loads what it needs and no more: a part that died is waited for while it starts. */
const parts: Record<string, () => Promise<Running>> = {
  api: async () => (await import('./serve-api.ts')).serveApi(apiConfig(process.env)),
  worker: async () => (await import('./serve-worker.ts')).serveWorker(workerConfig(process.env)),
  store: async () => (await import('./serve-store.ts')).serveStore(process.env),
}

/** What is asked to stop is gone by then, whatever its services do. */
const stopMs = 14_000

/** One part in this process, until it is asked to stop. Tells its parent when it is ready. */
const servePart = async (start: () => Promise<Running>): Promise<void> => {
  const stopping = stopSignal()
  const starting = start().catch((error: unknown) => {
    const { code, message } = error as { code?: string; message: string }
    if (code !== 'EADDRINUSE') throw error
    throw new UserError(`${message}. Another program has that port; choose one with PORT=...`)
  })
  const started = await Promise.race([starting, stopping.then(() => null)])
  if (!started) process.exit(0)
  const { port, close, failed = new Promise<string>(() => {}) } = started
  process.send?.({ ready: true, port })
  const reason = await Promise.race([failed, stopping.then(() => null)])
  if (reason !== null) {
    console.error(`Ended, to be started again: ${reason}`)
    process.exit(1)
  }
  await Promise.race([close(), sleep(stopMs)])
  process.exit(0)
}

export const serveCommand = new Command('serve')
  .description('Serve Daybook, or one part of it')
  .addArgument(
    new Argument('[part]', 'all: everything on this machine, with what it needs')
      .choices(['all', 'api', 'worker', 'store'])
      .default('all'),
  )
  .option('--no-example', 'start without the example book (all)')
  .addHelpText(
    'after',
    `
Environment:
  PORT, HOST                    where the API listens (3000, 127.0.0.1)
  DAYBOOK_DIRECTORY             where everything is kept (all; .daybook)
  DAYBOOK_WORKER_PORT           /metrics and /health/live of a worker (any free port)
  EVENTSTORE_URL, DATABASE_URL, REDIS_QUEUE_URL, REDIS_CACHE_URL
                                parts that run elsewhere; "all" brings up those that are not set
  DAYBOOK_PROJECTIONS           files with projections of your own, separated by commas
  DAYBOOK_WATCHDOG_SECONDS      after which a worker that folds nothing while the log goes on is
                                ended, to be started again (60)
  DAYBOOK_WORKER_NICENESS       how far a worker lets others go first where CPU is short, from 0 to
                                19 (0; all: 3)
  DAYBOOK_JWT_SECRET            at least 32 bytes; signs the tokens
  DAYBOOK_FINGERPRINT_SECRET    recognises retried requests; it must never change
  DAYBOOK_ADMIN_EMAIL, DAYBOOK_ADMIN_PASSWORD
                                the administrator to make if there is none
  DAYBOOK_PEER_PORT, DAYBOOK_PEER_ADDRESS
                                where an API takes commands from others (any free port), and the
                                host:port they reach it at (this host and that port)
  DAYBOOK_MAX_WAITING_BYTES     of requests that wait for their book at once in an API; past that
                                it answers 503 overloaded (67108864)
  DAYBOOK_RATE_LIMIT            requests a second for each caller of an API; 0: any (10000)
  DAYBOOK_WRITER_MEMORY_MB, DAYBOOK_LOOKUP_WINDOW, DAYBOOK_SNAPSHOT_EVERY
                                of the writers of books: MiB for all of them (512), keys and ids of
                                each (100000), transactions from one snapshot to the next (25000)
  OTEL_EXPORTER_OTLP_ENDPOINT   where spans go, if anywhere
  DAYBOOK_LOG_LEVEL             debug, info, warn, error or silent (info)`,
  )
  .action(async (part: string, { example }: { example: boolean }) => {
    const start = parts[part]
    if (start) return servePart(start)
    const { serveAll } = await import('./serve-all.ts')
    return serveAll({ example })
  })
