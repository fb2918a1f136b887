import { bookWriters } from '../commands/book-writers.ts'
import { projections as builtIn } from '../projections/index.ts'
import { tagCache } from '../runtime/cache.ts'
import type { WorkerConfig } from '../runtime/config.ts'
import { connectEventStore } from '../runtime/event-store.ts'
import { expireUntilStopped } from '../runtime/expiry.ts'
import { wakeUpWorker } from '../runtime/jobs.ts'
import { createLogger } from '../runtime/log.ts'
import { lookupIndex } from '../runtime/lookup-index.ts'
import { createRegistry, observeLag, observePool, workerMetrics } from '../runtime/metrics.ts'
import { beNice, restAfterWaiting } from '../runtime/niceness.ts'
import { pauseEvery } from '../runtime/pause.ts'
import { connectPostgres, untilAvailable } from '../runtime/postgres.ts'
import { countHalted } from '../runtime/projections/administer.ts'
import { advanceAll } from '../runtime/projections/advance.ts'
import { type Build, keptBuilds } from '../runtime/projections/build.ts'
import { foldMemory } from '../runtime/projections/fold-memory.ts'
import { lagsOf } from '../runtime/projections/lag.ts'
import { withOwnProjections } from '../runtime/projections/load-own.ts'
import { prepareProjections } from '../runtime/projections/prepare.ts'
import { rebuildUntilStopped } from '../runtime/projections/rebuild/work.ts'
import { endStalledPages } from '../runtime/projections/stalled-pages.ts'
import { sweepUntilStopped } from '../runtime/projections/sweep.ts'
import { tailOf } from '../runtime/projections/tail.ts'
import { untilStandstill } from '../runtime/projections/watchdog.ts'
import { connectCache, connectConsumer } from '../runtime/redis.ts'
import { prepareSnapshots, snapshotStore } from '../runtime/snapshots.ts'
import { startTelemetry } from '../runtime/telemetry.ts'
import { after, every } from '../runtime/timers.ts'
import type { Running } from './serve-api.ts'
import { serveStatus } from './serve-status.ts'

/** An index over many rows takes its time. */
const buildMs = 600_000

/**
 * Connects everything a worker needs, and projects: on wake-ups, and on the sweep without them. Lets
 * holds expire where nobody writes.
 */
export const serveWorker = async (config: WorkerConfig): Promise<Running> => {
  const projections = await withOwnProjections(builtIn, config.projectionFiles)
  const log = createLogger('worker', config.logLevel)
  try {
    beNice(config.niceness)
  } catch (error) {
    log.warn({ err: error }, 'the system does not let it yield to others: it takes its full share')
  }
  const onError = (error: Error) => log.warn({ err: error }, 'an idle database connection ended')
  const db = connectPostgres(config.databaseUrl, {
    max: 8,
    statementMs: 5_000,
    onError,
  })
  await untilAvailable(
    async () => {
      await prepareProjections(db, projections)
      await prepareSnapshots(db)
    },
    ({ message }) => log.warn({ error: message }, 'the database is away: waiting for it'),
  )
  const store = connectEventStore(config.eventStoreUrl)
  const cacheRedis = connectCache(config.cacheUrl)
  const queueRedis = connectConsumer(config.queueUrl, log)
  const stopping = new AbortController()
  const cache = tagCache(cacheRedis, log)
  const { tell, stop } = await startTelemetry('worker', config.otlpEndpoint, log)
  const register = createRegistry()
  observePool(register, db)
  const metrics = workerMetrics(register)
  const memory = foldMemory()
  const rest = restAfterWaiting(config.niceness, stopping.signal)
  const projecting = {
    db,
    store,
    tail: tailOf(store),
    memory,
    cache,
    log,
    metrics,
    tell,
    stopping: stopping.signal,
    rest,
  }

  let kept: readonly Build[] = []
  const readBuilds = async () => {
    kept = await keptBuilds(db, projections)
    return kept
  }
  await untilAvailable(readBuilds, () => {})
  observeLag(register, metrics, () => lagsOf(projecting, kept))
  const fold = (bookId: string) => advanceAll(projecting, kept, bookId)
  const worker = wakeUpWorker(queueRedis, fold, log)
  const writers = bookWriters({
    log: store,
    balances: () => Promise.reject(new Error('a worker closes no periods')),
    index: lookupIndex(db),
    snapshots: snapshotStore(db),
    limits: config.writer,
    pause: pauseEvery(5),
    clock: Date.now,
    after,
    every,
    random: Math.random,
    appended: (bookId) => {
      fold(bookId).catch((error) => log.warn({ err: error, book: bookId }, 'fold failed'))
    },
    warn: (message, details) => log.warn(details, message),
  })
  const { submit } = writers
  const expiring = expireUntilStopped({
    db,
    redis: queueRedis,
    log,
    submit,
    stopping: stopping.signal,
  })
  const sweeping = sweepUntilStopped(projecting, readBuilds)
  // A rebuild's statements take long, and must not keep a live page waiting for a connection.
  const buildDb = connectPostgres(config.databaseUrl, { max: 8, statementMs: buildMs, onError })
  const rebuilding = rebuildUntilStopped(projecting, buildDb, projections)
  // All other connections may wait for the page that is to be ended.
  const endingDb = connectPostgres(config.databaseUrl, { max: 1, statementMs: 5_000, onError })
  const ending = endStalledPages(endingDb, projecting)
  const status = await serveStatus(
    config,
    () => register.metrics(),
    () => countHalted(db, projections),
  )
  const failed = untilStandstill(projecting, () => kept, config.watchdogMs)
  log.info({ port: status.port }, 'worker is projecting')

  const close = async () => {
    stopping.abort()
    await status.close()
    await Promise.all([sweeping, rebuilding, ending])
    await worker.close()
    await expiring.done
    await writers.close()
    await store.close()
    cacheRedis.disconnect()
    queueRedis.disconnect()
    await db.end()
    await buildDb.end()
    await endingDb.end()
    await stop()
    log.info('worker has stopped')
  }
  return { port: status.port, close, failed }
}
