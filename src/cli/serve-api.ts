import { createServer, type Server } from 'node:http'
import { type AddressInfo, Server as NetServer } from 'node:net'
import { createApp } from '../api/app.ts'
import type { Dependencies } from '../api/dependencies.ts'
import { rateLimit } from '../api/rate-limit.ts'
import { createTokens } from '../api/tokens.ts'
import { bookWriters } from '../commands/book-writers.ts'
import { withinCapacity } from '../commands/capacity.ts'
import { within } from '../commands/within.ts'
import { projections as builtIn } from '../projections/index.ts'
import { cursorSigner } from '../queries/page.ts'
import { balanceIndex } from '../runtime/balance-index.ts'
import { tagCache } from '../runtime/cache.ts'
import type { ApiConfig } from '../runtime/config.ts'
import { openCredentials } from '../runtime/credentials.ts'
import { connectEventStore } from '../runtime/event-store.ts'
import { expiryHints } from '../runtime/expiry.ts'
import { joinFleet } from '../runtime/fleet/join.ts'
import { wakeUps } from '../runtime/jobs.ts'
import { createLogger, requestLog } from '../runtime/log.ts'
import { lookupIndex } from '../runtime/lookup-index.ts'
import { measuredIndex, measuredLog, measuredSubmit } from '../runtime/measure.ts'
import { apiMetrics, createRegistry, observePool, observeQueue } from '../runtime/metrics.ts'
import { pauseEvery } from '../runtime/pause.ts'
import { connectPostgres, untilAvailable } from '../runtime/postgres.ts'
import { administer, countHalted } from '../runtime/projections/administer.ts'
import { withOwnProjections } from '../runtime/projections/load-own.ts'
import { prepareProjections } from '../runtime/projections/prepare.ts'
import { readModel } from '../runtime/read-model.ts'
import { connectCache, connectProducer } from '../runtime/redis.ts'
import { prepareSnapshots, snapshotStore } from '../runtime/snapshots.ts'
import { startTelemetry } from '../runtime/telemetry.ts'
import { after, every } from '../runtime/timers.ts'
import { version } from '../version.ts'

export type Running = {
  readonly port: number
  readonly close: () => Promise<void>
  /** Resolves with the reason when it cannot go on and had better be started again. */
  readonly failed?: Promise<string>
}

const drainMs = 10_000
const healthMs = 2_000
/** That wait for their book at once: what a process does in some seconds, and can hold. */
const maxCommands = 50_000
/** A client may have sent a request on a connection that looks idle from here. */
const lingerMs = 500

/** Connects everything an API process needs, and listens. `close` drains first. */
export const serveApi = async (config: ApiConfig): Promise<Running> => {
  const projections = await withOwnProjections(builtIn, config.projectionFiles)
  const log = createLogger('api', config.logLevel)
  const pool = connectPostgres(config.databaseUrl, {
    max: 16,
    statementMs: 4_000,
    onError: (error) => log.warn({ err: error }, 'an idle database connection ended'),
  })
  const sign = cursorSigner(config.fingerprintSecret)
  const { authenticate, users } = await untilAvailable(
    async () => {
      await prepareProjections(pool, projections)
      await prepareSnapshots(pool)
      return openCredentials(pool, sign, config.admin)
    },
    ({ message }) => log.warn({ error: message }, 'the database is away: waiting for it'),
  )
  const telemetry = await startTelemetry('api', config.otlpEndpoint, log)
  const register = createRegistry()
  const metrics = apiMetrics(register)
  observePool(register, pool)
  const store = measuredLog(connectEventStore(config.eventStoreUrl), metrics)
  const cacheRedis = connectCache(config.cacheUrl)
  const queueRedis = connectProducer(config.queueUrl, log)
  const wakes = wakeUps(queueRedis, log)
  const expiry = expiryHints(queueRedis, log)
  observeQueue(register, wakes.counts)
  const model = readModel(pool, tagCache(cacheRedis, log), sign, metrics.cache)
  const writers = bookWriters({
    log: store,
    balances: balanceIndex(model),
    index: measuredIndex(lookupIndex(pool), metrics),
    snapshots: snapshotStore(pool),
    limits: config.writer,
    pause: pauseEvery(5),
    clock: Date.now,
    after,
    every,
    random: Math.random,
    appended: (bookId, events) => {
      wakes.wake(bookId, events.length)
      expiry.hint(bookId, events)
    },
    warn: (message, details) => log.warn(details, message),
  })
  const logRequest = requestLog(log)
  const bounded = (submit: typeof writers.submit) =>
    withinCapacity(submit, { commands: maxCommands, bytes: config.maxWaitingBytes })
  const fleet = await joinFleet({
    ...config,
    redis: cacheRedis,
    local: writers.submit,
    forPeers: bounded(writers.submit),
    observe: (result) => metrics.forwards.inc({ result }),
    warn: (message, details) => log.warn(details, message),
  })
  let isStopping = false

  const health: Dependencies['health'] = async () => {
    const [eventStore, database, halted] = await Promise.allSettled([
      within(healthMs, store.ping(), after),
      within(healthMs, pool.query('select 1'), after),
      within(healthMs, countHalted(pool, projections), after),
    ])
    return {
      api: isStopping ? 'down' : 'up',
      event_store: eventStore.status === 'fulfilled' ? 'up' : 'down',
      postgres: database.status === 'fulfilled' ? 'up' : 'down',
      projections: halted.status === 'fulfilled' && halted.value === 0 ? 'up' : 'degraded',
      redis_cache: cacheRedis.status === 'ready' ? 'up' : 'degraded',
      redis_queue: queueRedis.status === 'ready' ? 'up' : 'degraded',
    }
  }

  const app = createApp(
    {
      submit: measuredSubmit(bounded(fleet.submit), metrics),
      ...model,
      history: store,
      authenticate,
      users,
      administration: administer(pool, store, projections, sign),
      tokens: createTokens(config.jwtSecret),
      admit: rateLimit(config.rateLimit, Date.now),
      fingerprintKey: Buffer.from(config.fingerprintSecret),
      health,
      metrics: () => register.metrics(),
      observe: (request) => {
        const { method, route, status, seconds, traceparent, requestId, traced } = request
        metrics.requests.observe({ method, route, status }, seconds)
        telemetry.tell?.({
          name: route,
          seconds,
          traceparent: typeof traceparent === 'string' ? traceparent : undefined,
          attributes: { request_id: requestId, ...traced, 'http.response.status_code': status },
        })
        logRequest(request)
      },
      log,
    },
    version,
  )
  const handle = app.callback()
  const server = createServer((request, response) => void handle(request, response))
  // Longer than a balancer keeps idle connections, so that it is never us who closes one in use.
  server.keepAliveTimeout = 65_000
  server.headersTimeout = 66_000
  server.requestTimeout = 60_000
  server.prependListener('request', (_, response) => {
    if (isStopping) response.setHeader('Connection', 'close')
  })
  const port = await listen(server, config)
  log.info({ port, peers: fleet.address }, 'api is listening')

  const close = async () => {
    isStopping = true
    await Promise.all([drain(server), fleet.leave(drainMs)])
    fleet.close()
    await writers.close()
    await wakes.close()
    await expiry.close()
    await store.close()
    cacheRedis.disconnect()
    queueRedis.disconnect()
    await pool.end()
    await telemetry.stop()
    log.info('api has stopped')
  }
  return { port, close }
}

const listen = (server: Server, { host, port }: ApiConfig): Promise<number> =>
  new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => resolve((server.address() as AddressInfo).port))
  })

/**
 * No new connections; what comes on the old ones is answered, and told that it was the last there.
 * After ten seconds whatever is left is cut.
 */
const drain = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    const linger = setInterval(() => server.closeIdleConnections(), lingerMs)
    const cut = setTimeout(() => server.closeAllConnections(), drainMs)
    // HTTP's own close would at once drop the connections that seem idle.
    NetServer.prototype.close.call(server, () => {
      clearInterval(linger)
      clearTimeout(cut)
      resolve()
    })
  })
