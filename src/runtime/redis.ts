import { Redis, type RedisOptions } from 'ioredis'
import type { Logger } from './log.ts'

const common: RedisOptions = {
  connectTimeout: 2_000,
  retryStrategy: (attempt) => Math.min(2_000, 50 * 2 ** Math.min(attempt, 6)),
}

/** Warns once when the connection goes and says once when it is back. */
const announce = (redis: Redis, name: string, log: Logger): Redis => {
  let isAway = false
  redis.on('error', (error: Error) => {
    if (!isAway) log.warn({ redis: name, error: error.message }, 'redis is away')
    isAway = true
  })
  redis.on('ready', () => {
    if (isAway) log.info({ redis: name }, 'redis is back')
    isAway = false
  })
  return redis
}

/**
 * For a cache: a command that is not answered at once fails, and its caller goes without. Whoever
 * uses it listens to its errors and tells of them.
 */
export const connectCache = (url: string): Redis =>
  new Redis(url, {
    ...common,
    commandTimeout: 250,
    socketTimeout: 1_000,
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
  })

/** For adding jobs: fails at once without Redis, because an append must never wait for a hint. */
export const connectProducer = (url: string, log: Logger): Redis =>
  announce(
    new Redis(url, {
      ...common,
      commandTimeout: 2_000,
      socketTimeout: 3_000,
      enableOfflineQueue: false,
      maxRetriesPerRequest: 1,
    }),
    'queue',
    log,
  )

/** BullMQ blocks for up to ten seconds on one command. Longer silence means that nobody is there. */
const blockingMs = 15_000

/** For taking jobs: waits as long as it takes, as BullMQ asks. */
export const connectConsumer = (url: string, log: Logger): Redis =>
  announce(
    new Redis(url, { ...common, socketTimeout: blockingMs, maxRetriesPerRequest: null }),
    'queue',
    log,
  )
