import { randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { Redis } from 'ioredis'
import { type LocalServer, NotReady, spawnChild, untilReady } from './child.ts'
import { freePort } from './free-port.ts'
import { leash } from './leash.ts'
import { findRedis } from './redis-binaries.ts'

export interface RedisOptions {
  /** Ours alone: it gets the configuration and, when persistent, the data. */
  readonly directory: string
  readonly logFile: string
  readonly policy: 'noeviction' | 'allkeys-lru'
  /** As in redis.conf: `128mb`. */
  readonly maxMemory?: string
  readonly persistent: boolean
  readonly port?: number | undefined
  /** The password to go on with, where clients have one already. */
  readonly password?: string | undefined
}

const START_TIMEOUT_MS = 30_000
const STOP_GRACE_MS = 5000

/**
 * Starts a Redis on the loopback interface. Without a port a free one is taken.
 * @throws SetupProblem with what its user can do about it
 */
export async function startRedis(
  options: RedisOptions,
): Promise<LocalServer & { readonly password: string }> {
  const { directory, logFile } = options
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const { program, environment } = await findRedis(directory)
  const password = options.password ?? randomBytes(24).toString('hex')
  for (let attempt = 1; ; attempt += 1) {
    const port = options.port ?? (await freePort())
    const config = join(directory, 'redis.conf')
    writeFileSync(config, configuration(options, port, password), { mode: 0o600 })
    const name = basename(directory)
    const command = [...leash('TERM'), program, config]
    const child = spawnChild({ name, command, logFile, environment })
    const url = `redis://:${password}@127.0.0.1:${port}`
    try {
      await untilReady(child, () => answers(url), START_TIMEOUT_MS)
    } catch (error) {
      if (!(error instanceof NotReady)) throw error
      const portTaken = error.logLines.some((line) => line.includes('Address already in use'))
      if (portTaken && options.port === undefined && attempt < 5) continue
      throw error
    }
    return { url, port, password, child, stop: () => child.stop(STOP_GRACE_MS) }
  }
}

function configuration(options: RedisOptions, port: number, password: string): string {
  const lines = [
    'bind 127.0.0.1',
    `port ${port}`,
    `requirepass ${password}`,
    `dir ${JSON.stringify(options.directory)}`,
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
