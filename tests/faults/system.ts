import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { freePort } from '../../src/local/ports.mjs'
import { startPostgres } from '../../src/local/postgres.ts'
import { startProgram } from '../../src/local/program.ts'
import { startRedis } from '../../src/local/redis.ts'
import { keepUp, type Part } from './part.ts'
import { type Link, openLink } from './proxy.ts'

export type PartName =
  | `api-${number}`
  | 'worker-1'
  | 'worker-2'
  | 'store'
  | 'postgres'
  | 'queue'
  | 'cache'

/** All of Daybook, two or more of what there can be several of, each talking to the others over links of ours. */
export type System = {
  readonly parts: Readonly<Record<PartName, Part>>
  /** By name: `api-1 -> store`, `client -> api-1`, ... */
  readonly links: ReadonlyMap<string, Link>
  /** Where clients reach the APIs, through their links. */
  readonly apiPorts: readonly number[]
  readonly login: { readonly email: string; readonly password: string }
  /** Past all links, for whoever checks what came of it. */
  readonly direct: { readonly eventStoreUrl: string; readonly databaseUrl: string }
  readonly flush: (part: 'queue' | 'cache') => Promise<void>
  /** APIs and workers, for good. */
  readonly closePrograms: () => Promise<void>
  readonly close: () => Promise<void>
}

const services = ['store', 'postgres', 'queue', 'cache'] as const
type Service = (typeof services)[number]

/** Starts everything below `directory`; `main` is the program, compiled. */
export const startSystem = async (
  directory: string,
  main: string,
  apiCount: number,
): Promise<System> => {
  mkdirSync(join(directory, 'log'), { recursive: true, mode: 0o700 })
  const place = (name: string) => ({
    directory: join(directory, name),
    logFile: join(directory, 'log', `${name}.log`),
  })
  const forever = new AbortController().signal
  const program = (name: string, part: string, environment: Record<string, string>) =>
    keepUp(name, () => {
      const script = [main, 'serve', part]
      const { logFile } = place(name)
      return startProgram({
        name,
        script,
        logFile,
        environment,
        stopGraceMs: 15_000,
        signal: forever,
      })
    })

  const storePort = await freePort()
  const store = program('store', 'store', {
    DAYBOOK_STORE_DIRECTORY: join(directory, 'store'),
    DAYBOOK_STORE_PORT: String(storePort),
  })
  const postgres = keepUp('postgres', (previous) =>
    startPostgres({ ...place('postgres'), durable: true, port: previous?.port }),
  )
  const redis = (name: 'queue' | 'cache') =>
    keepUp(name, (previous) => {
      const policy = name === 'queue' ? 'noeviction' : 'allkeys-lru'
      const persistent = name === 'queue'
      return startRedis({ ...place(name), policy, persistent, maxMemory: '128mb', previous })
    })
  const queue = redis('queue')
  const cache = redis('cache')
  const up = {
    store: await store.whenUp(),
    postgres: await postgres.whenUp(),
    queue: await queue.whenUp(),
    cache: await cache.whenUp(),
  }

  const links = new Map<string, Link>()
  const link = async (from: string, to: string, port: number): Promise<number> => {
    const opened = await openLink(`${from} -> ${to}`, port)
    links.set(opened.name, opened)
    return opened.port
  }
  const secrets = {
    DAYBOOK_JWT_SECRET: 'a secret of the fault harness, no other',
    DAYBOOK_FINGERPRINT_SECRET: 'another secret of the fault harness',
    DAYBOOK_ADMIN_EMAIL: 'admin@faults.example',
    DAYBOOK_ADMIN_PASSWORD: 'a password of the fault harness',
    DAYBOOK_LOG_LEVEL: 'info',
  }
  const environmentOf = async (name: string): Promise<Record<string, string>> => {
    const ports = {} as Record<Service, number>
    for (const service of services) ports[service] = await link(name, service, up[service].port)
    const at = (url: string, port: number) => {
      const moved = new URL(url)
      moved.port = String(port)
      return moved.href
    }
    return {
      ...secrets,
      EVENTSTORE_URL: `esdb://127.0.0.1:${ports.store}?tls=false`,
      DATABASE_URL: at(up.postgres.url, ports.postgres),
      REDIS_QUEUE_URL: at(up.queue.url, ports.queue),
      REDIS_CACHE_URL: at(up.cache.url, ports.cache),
    }
  }
  const api = async (name: `api-${number}`) => {
    const PORT = String(await freePort())
    const peerPort = await freePort()
    const part = program(name, 'api', {
      ...(await environmentOf(name)),
      PORT,
      DAYBOOK_PEER_PORT: String(peerPort),
      DAYBOOK_PEER_ADDRESS: `127.0.0.1:${await link('peers', name, peerPort)}`,
    })
    return { part, port: await link('client', name, Number(PORT)) }
  }
  const worker = async (name: 'worker-1' | 'worker-2') =>
    program(name, 'worker', await environmentOf(name))
  const apis: { readonly part: Part; readonly port: number }[] = []
  for (let number = 1; number <= apiCount; number++) apis.push(await api(`api-${number}`))
  const parts = {
    ...Object.fromEntries(apis.map(({ part }) => [part.name, part])),
    'worker-1': await worker('worker-1'),
    'worker-2': await worker('worker-2'),
    store,
    postgres,
    queue,
    cache,
  }
  await Promise.all(Object.values(parts).map((part) => part.whenUp()))

  const closePrograms = async () => {
    const programs = [...apis.map(({ part }) => part), parts['worker-1'], parts['worker-2']]
    await Promise.all(programs.map((part) => part.close()))
  }

  return {
    parts,
    links,
    apiPorts: apis.map(({ port }) => port),
    login: { email: secrets.DAYBOOK_ADMIN_EMAIL, password: secrets.DAYBOOK_ADMIN_PASSWORD },
    direct: {
      eventStoreUrl: `esdb://127.0.0.1:${storePort}?tls=false`,
      databaseUrl: up.postgres.url,
    },
    flush: async (name) => {
      await parts[name].whenUp()
      await flushAll(up[name].url)
    },
    closePrograms,
    close: async () => {
      await closePrograms()
      await Promise.all([store, postgres, queue, cache].map((part) => part.close()))
      await Promise.all([...links.values()].map((each) => each.close()))
    },
  }
}

const flushAll = async (url: string): Promise<void> => {
  const redis = new Redis(url, { maxRetriesPerRequest: 1, commandTimeout: 5_000 })
  redis.on('error', () => {})
  try {
    await redis.flushall()
  } finally {
    redis.disconnect()
  }
}
