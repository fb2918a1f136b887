import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import pg from 'pg'
import type { LocalServer } from '../../src/local/child.ts'
import { startPostgres } from '../../src/local/postgres.ts'
import { startRedis } from '../../src/local/redis.ts'
import { removeTestDirectory, testDirectory } from './test-directory.ts'

export { testDirectory }

export interface Services {
  readonly databaseUrl: string
  readonly queueUrl: string
  readonly cacheUrl: string
  readonly eventStoreUrl: string
}

let running: Promise<Services> | undefined
const servers: LocalServer[] = []
const closers: (() => Promise<void>)[] = []

/** Private services with throw-away data, started by the first test that asks for them. */
export function services(): Promise<Services> {
  running ??= start()
  return running
}

/** The URL of a new, empty database; of an ICU locale, where one is given. */
export async function freshDatabase(locale?: string): Promise<string> {
  const { databaseUrl } = await services()
  const name = `test_${randomUUID().replaceAll('-', '')}`
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    const icu = locale && `template template0 locale_provider icu icu_locale '${locale}'`
    await client.query(`create database ${name} ${icu ?? ''}`)
  } finally {
    await client.end()
  }
  const url = new URL(databaseUrl)
  url.pathname = `/${name}`
  return url.href
}

export async function stopServices(): Promise<void> {
  await running?.catch(() => undefined)
  await Promise.all(closers.map((close) => close()))
  await Promise.all(servers.map((server) => server.stop()))
  removeTestDirectory()
}

/** The same without waiting, for when the process is about to end. */
export function killServices(): void {
  for (const { child } of servers) {
    if (!child.hasExited()) child.process.kill('SIGKILL')
  }
}

async function start(): Promise<Services> {
  const place = (name: string) => ({
    directory: testDirectory(name),
    logFile: join(testDirectory('log'), `${name}.log`),
  })
  const keep = async <T extends LocalServer>(server: Promise<T>): Promise<T> => {
    const started = await server
    servers.push(started)
    return started
  }
  const redis = { persistent: false, maxMemory: '64mb' } as const
  const [postgres, queue, cache, eventStoreUrl] = await Promise.all([
    keep(startPostgres({ ...place('postgres'), durable: false })),
    keep(startRedis({ ...place('queue'), ...redis, policy: 'noeviction' })),
    keep(startRedis({ ...place('cache'), ...redis, policy: 'allkeys-lru' })),
    startEventStore(testDirectory('event-store')),
  ])
  return { databaseUrl: postgres.url, queueUrl: queue.url, cacheUrl: cache.url, eventStoreUrl }
}

async function startEventStore(folder: string): Promise<string> {
  const { serveEventStore } = await import('../../src/event-store/serve.ts')
  const store = await serveEventStore({ directory: folder, port: 0 })
  closers.push(() => store.close())
  return `esdb://127.0.0.1:${store.port}?tls=false`
}
