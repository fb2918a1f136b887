import { randomBytes, randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { createTokens } from '../../src/api/tokens.ts'
import type { LocalServer } from '../../src/local/child.ts'
import { WORKER_NICENESS } from '../../src/local/parts.ts'
import { startPostgres } from '../../src/local/postgres.ts'
import { startProgram } from '../../src/local/program.ts'
import { startRedis } from '../../src/local/redis.ts'

const built = fileURLToPath(new URL('../..', import.meta.url))

export type Stack = {
  readonly databaseUrl: string
  readonly pool: pg.Pool
  /** A new one each time: none lasts as long as a rebuild beside others may. */
  readonly token: string
  readonly environment: Readonly<Record<string, string>>
  readonly servers: Readonly<Record<string, LocalServer>>
  /** Where profiles go; null if nothing is profiled. */
  readonly profiles: string | null
  /** A program below dist/, or Daybook of another build. */
  readonly start: (
    name: string,
    script: readonly string[],
    environment?: Readonly<Record<string, string>>,
  ) => Promise<LocalServer>
  readonly startWorker: () => Promise<void>
  readonly stopWorker: () => Promise<void>
  readonly close: () => Promise<void>
}

export type StackOptions = {
  /** Another build's dist, whose API is measured beside this one's. */
  readonly against: string | null
  /** Where profiles go; null for none. */
  readonly profiles: string | null
}

/** Everything durable, as `npm start` has it, in a folder that is removed afterwards. */
export const startStack = async ({ against, profiles }: StackOptions): Promise<Stack> => {
  const directory = mkdtempSync(join(tmpdir(), 'daybook-bench-'))
  const servers: Record<string, LocalServer> = {}
  const place = (name: string) => ({
    directory: join(directory, name),
    logFile: join(directory, 'log', `${name}.log`),
  })
  const signal = new AbortController().signal
  const program = join(built, 'src', 'main.js')
  let environment: Record<string, string> = {}

  const start: Stack['start'] = async (name, script, extra = {}) => {
    const server = await startProgram({
      name,
      script,
      logFile: place(name).logFile,
      environment: {
        ...environment,
        ...extra,
        ...(profiles && {
          NODE_OPTIONS: `--import=${join(built, 'bench', 'parts', 'profiler.js')}`,
          BENCH_PROFILES: profiles,
          BENCH_PROGRAM: name,
        }),
      },
      stopGraceMs: 5_000,
      signal,
    })
    servers[name] = server
    return server
  }

  const [postgres, queue, cache, store] = await Promise.all([
    startPostgres({ ...place('postgres'), durable: true }),
    startRedis({ ...place('queue'), policy: 'noeviction', persistent: true }),
    startRedis({
      ...place('cache'),
      policy: 'allkeys-lru',
      maxMemory: '128mb',
      persistent: false,
    }),
    start('store', [program, 'serve', 'store'], {
      DAYBOOK_STORE_DIRECTORY: place('event-store').directory,
      DAYBOOK_STORE_PORT: '0',
    }),
  ])
  Object.assign(servers, { postgres, queue, cache })
  const jwtSecret = randomBytes(32).toString('hex')
  environment = {
    EVENTSTORE_URL: `esdb://127.0.0.1:${store.port}?tls=false`,
    DATABASE_URL: postgres.url,
    REDIS_QUEUE_URL: queue.url,
    REDIS_CACHE_URL: cache.url,
    DAYBOOK_JWT_SECRET: jwtSecret,
    DAYBOOK_FINGERPRINT_SECRET: randomBytes(32).toString('hex'),
    // Counted, as it always is, but never reached by the clients that are one caller here.
    DAYBOOK_RATE_LIMIT: '1000000',
    HOST: '127.0.0.1',
    PORT: '0',
  }
  const tokens = createTokens(jwtSecret)
  const admin = { id: randomUUID(), role: 'admin' } as const
  const pool = new pg.Pool({ connectionString: postgres.url, max: 4 })
  await start('api', [program, 'serve', 'api'])
  if (against) await start('against', [join(against, 'src', 'main.js'), 'serve', 'api'])
  await start('load', [join(built, 'bench', 'load.js')])

  const stopWorker = async () => {
    await servers['worker']?.stop()
    delete servers['worker']
  }
  return {
    databaseUrl: postgres.url,
    pool,
    get token() {
      return tokens.issue(admin).token
    },
    environment,
    servers,
    profiles,
    start,
    startWorker: async () => {
      if (servers['worker']) return
      await start('worker', [program, 'serve', 'worker'], {
        DAYBOOK_WORKER_NICENESS: process.env['DAYBOOK_WORKER_NICENESS'] || WORKER_NICENESS,
      })
    },
    stopWorker,
    close: async () => {
      await pool.end()
      const services = new Set(['postgres', 'queue', 'cache', 'store'])
      const stop = (isService: boolean) =>
        Object.entries(servers)
          .filter(([name]) => services.has(name) === isService)
          .map(([, server]) => server.stop())
      await Promise.all(stop(false))
      await Promise.all(stop(true))
      rmSync(directory, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}
