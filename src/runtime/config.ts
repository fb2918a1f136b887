import type { WriterLimits } from '../commands/book-writer.ts'

/** Where the parts are, from the environment; every one of them can be anywhere. */
export type ServiceConfig = {
  readonly eventStoreUrl: string
  readonly databaseUrl: string
  readonly queueUrl: string
  readonly cacheUrl: string
  readonly logLevel: string
  /** Files with projections of one's own. */
  readonly projectionFiles: readonly string[]
  /** Where spans go, if anywhere. */
  readonly otlpEndpoint: string | undefined
  readonly writer: WriterLimits
}

export type WorkerConfig = ServiceConfig & {
  readonly host: string
  /** Of the worker's own /metrics and /health/live; 0 takes any that is free. */
  readonly port: number
  /** So long its projections may stand still while the log goes on. */
  readonly watchdogMs: number
  /** How far it lets others go first, from 0 to 19; see `beNice`. */
  readonly niceness: number
}

export type ApiConfig = ServiceConfig & {
  readonly host: string
  readonly port: number
  readonly jwtSecret: string
  readonly fingerprintSecret: string
  /** Requests a second for each caller; 0 for any number. */
  readonly rateLimit: number
  /** The administrator to make if there is none of this e-mail. */
  readonly admin: { readonly email: string; readonly password: string } | null
  /** Where other API processes hand over commands; 0 takes any port that is free. */
  readonly peerPort: number
  /** host:port at which they reach it; null for this host and that port. */
  readonly peerAddress: string | null
  /** Bytes of requests that may wait for their book at once. */
  readonly maxWaitingBytes: number
}

/** A variable that whoever started the process has to set right. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}

type Environment = Readonly<Record<string, string | undefined>>

const required = (environment: Environment, name: string, example: string): string => {
  const value = environment[name]
  if (value) return value
  throw new ConfigError(`${name} is not set. Set it, e.g. ${name}=${example}, or use: npm start`)
}

const serviceConfig = (environment: Environment): ServiceConfig => ({
  eventStoreUrl: required(environment, 'EVENTSTORE_URL', 'esdb://127.0.0.1:2113?tls=false'),
  databaseUrl: required(environment, 'DATABASE_URL', 'postgres://user@127.0.0.1/daybook'),
  queueUrl: required(environment, 'REDIS_QUEUE_URL', 'redis://127.0.0.1:6379'),
  cacheUrl: required(environment, 'REDIS_CACHE_URL', 'redis://127.0.0.1:6380'),
  logLevel: environment['DAYBOOK_LOG_LEVEL'] ?? 'info',
  projectionFiles: (environment['DAYBOOK_PROJECTIONS'] ?? '').split(',').filter(Boolean),
  otlpEndpoint: environment['OTEL_EXPORTER_OTLP_ENDPOINT'],
  writer: {
    window: countOf(environment, 'DAYBOOK_LOOKUP_WINDOW', 100_000),
    gap: 20_000,
    snapshotEvery: countOf(environment, 'DAYBOOK_SNAPSHOT_EVERY', 25_000),
    memory: countOf(environment, 'DAYBOOK_WRITER_MEMORY_MB', 512) * 2 ** 20,
  },
})

export const portOf = (text: string, name: string): number => {
  const port = Number(text)
  if (/^\d+$/.test(text) && port <= 65_535) return port
  throw new ConfigError(`${name} is "${text}"; use a number up to 65535`)
}

const addressOf = (text: string | undefined, name: string): string | null => {
  if (!text) return null
  if (/^\S+:\d{1,5}$/.test(text)) return text
  throw new ConfigError(`${name} is "${text}"; use host:port, e.g. ${name}=api-1:3200`)
}

const bytesOf = (text: string, name: string): number => {
  if (/^[1-9]\d{0,11}$/.test(text)) return Number(text)
  throw new ConfigError(`${name} is "${text}"; use a number of bytes`)
}

/** A whole number, e.g. of lookups; an underscore may stand between digits. */
const countOf = (environment: Environment, name: string, otherwise: number): number => {
  const text = environment[name]
  if (text === undefined || text === '') return otherwise
  const count = Number(text.replaceAll('_', ''))
  if (Number.isSafeInteger(count) && count >= 0) return count
  throw new ConfigError(`${name} is "${text}"; use a whole number such as ${otherwise}`)
}

export const workerConfig = (environment: Environment): WorkerConfig => ({
  ...serviceConfig(environment),
  host: environment['HOST'] ?? '127.0.0.1',
  port: portOf(environment['DAYBOOK_WORKER_PORT'] ?? '0', 'DAYBOOK_WORKER_PORT'),
  watchdogMs: 1_000 * Math.max(1, countOf(environment, 'DAYBOOK_WATCHDOG_SECONDS', 60)),
  niceness: nicenessOf(environment['DAYBOOK_WORKER_NICENESS'] ?? '0', 'DAYBOOK_WORKER_NICENESS'),
})

const nicenessOf = (text: string, name: string): number => {
  if (/^1?\d$/.test(text)) return Number(text)
  throw new ConfigError(`${name} is "${text}"; use a number from 0, the usual, to 19`)
}

const longEnough = (secret: string): string => {
  if (Buffer.byteLength(secret) >= 32) return secret
  throw new ConfigError('DAYBOOK_JWT_SECRET has fewer than 32 bytes. Try: openssl rand -hex 32')
}

export const apiConfig = (environment: Environment): ApiConfig => {
  const email = environment['DAYBOOK_ADMIN_EMAIL']
  const password = environment['DAYBOOK_ADMIN_PASSWORD']
  return {
    ...serviceConfig(environment),
    host: environment['HOST'] ?? '127.0.0.1',
    port: portOf(environment['PORT'] ?? '3000', 'PORT'),
    jwtSecret: longEnough(required(environment, 'DAYBOOK_JWT_SECRET', '$(openssl rand -hex 32)')),
    fingerprintSecret: required(
      environment,
      'DAYBOOK_FINGERPRINT_SECRET',
      '$(openssl rand -hex 32)',
    ),
    rateLimit: countOf(environment, 'DAYBOOK_RATE_LIMIT', 10_000),
    admin: email && password ? { email, password } : null,
    peerPort: portOf(environment['DAYBOOK_PEER_PORT'] ?? '0', 'DAYBOOK_PEER_PORT'),
    peerAddress: addressOf(environment['DAYBOOK_PEER_ADDRESS'], 'DAYBOOK_PEER_ADDRESS'),
    maxWaitingBytes: bytesOf(
      environment['DAYBOOK_MAX_WAITING_BYTES'] ?? '67108864',
      'DAYBOOK_MAX_WAITING_BYTES',
    ),
  }
}
