import { randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { Redis } from 'ioredis'
import { type LocalServer, NotReady, spawnChild, untilReady } from './child.ts'
import { leash } from './leash.mjs'
import { endLeftovers } from './leftovers.ts'
import { freePort } from './ports.mjs'
import { findRedis } from './redis-binaries.ts'
import { SetupProblem } from './setup-problem.ts'

export interface RedisOptions {
  /** Ours alone: it gets the configuration and, when persistent, the data. */
  readonly directory: string
  readonly logFile: string
  readonly policy: 'noeviction' | 'allkeys-lru'
  /** As in redis.conf: `128mb`. */
  readonly maxMemory?: string
  readonly persistent: boolean
  /** The one that this follows, on the same port: its clients know port and password. */
  readonly previous?: LocalServer | undefined
  /** Gives up the start. */
  readonly signal?: AbortSignal
}

const START_TIMEOUT_MS = 30_000
const STOP_GRACE_MS = 5000

/**
 * Starts a Redis on the loopback interface. Unless it follows another, a free port is taken.
 * @throws SetupProblem with what its user can do about it
 */
export async function startRedis(options: RedisOptions): Promise<LocalServer> {
  const { directory, logFile, signal } = options
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const { program, environment } = await findRedis(directory)
  await endLeftovers(directory, ['redis-server', 'valkey-server'], () => 'SIGTERM')
  const { previous } = options
  const password = previous ? new URL(previous.url).password : randomBytes(24).toString('hex')
  for (let attempt = 1; ; attempt += 1) {
    const port = previous?.port ?? (await freePort())
    const config = join(directory, 'redis.conf')
    writeFileSync(config, configuration(options, port, password), { mode: 0o600 })
    const name = basename(directory)
    const command = [...leash('TERM'), program, config]
    const child = spawnChild({ name, command, logFile, environment })
    const url = `redis://:${password}@127.0.0.1:${port}`
    try {
      await untilReady(child, () => answers(url), START_TIMEOUT_MS, signal)
    } catch (error) {
      if (!(error instanceof NotReady)) throw error
      const portTaken = error.logLines.some((line) => line.includes('Address already in use'))
      if (portTaken && previous === undefined && attempt < 5) continue
      throw portTaken || !error.ended ? error : cannotStart(directory, error)
    }
    return { url, port, child, stop: () => child.stop(STOP_GRACE_MS) }
  }
}

function cannotStart(directory: string, error: NotReady): SetupProblem {
  return new SetupProblem(
    `Redis cannot start on ${directory}: ${error.logLines.slice(-3).join('\n    ')}\n` +
      'It holds only what can be worked out again. Remove it, and start again:\n' +
      `    rm -r ${directory}`,
  )
}

function configuration(options: RedisOptions, port: number, password: string): string {
  const lines = [
    'bind 127.0.0.1',
    `port ${port}`,
    `requirepass ${password}`,
    `dir ${JSON.stringify(options.directory)}`,
    'databases 64',
    'save ""',
    `appendonly ${options.persistent ? 'yes' : 'no'}`,
    `maxmemory ${options.maxMemory ?? '0'}`,
    `maxmemory-policy ${options.policy}`,
  ]
  return `${lines.join('\n')}\n`
}

async function answers(url: string): Promise<true | undefined> {
  const client = new Redis(url, {
    lazyConnect: true,
    maxRetriesPerRequest: 0,
    connectTimeout: 2000,
    commandTimeout: 2000,
    retryStrategy: () => null,
  })
  client.on('error', () => undefined)
  try {
    await client.connect()
    await client.ping()
    return true
  } catch {
    return undefined
  } finally {
    client.disconnect()
  }
}
