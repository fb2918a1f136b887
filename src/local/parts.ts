import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { LocalServer } from './child.ts'
import { startPostgres } from './postgres.ts'
import { startProgram } from './program.ts'
import { startRedis } from './redis.ts'
import { type Supervised, supervise } from './supervisor.ts'

export interface StackOptions {
  /** Everything that is kept lies below it. */
  readonly directory: string
  readonly port: number
  readonly host: string
  /** For single lines to the console. */
  readonly log: (line: string) => void
  /** Gives up the start: what has been started is stopped, and startStack throws. */
  readonly signal?: AbortSignal
  /** The program whose `serve store|api|worker` are started; Daybook itself, but for tests. */
  readonly main?: string
}

const MAIN = fileURLToPath(new URL('../main.js', import.meta.url))
const PROGRAM_GRACE_MS = 15_000
const STORE_GRACE_MS = 10_000
/**
 * On one machine the API goes before its worker where both want a core: somebody waits for the answer,
 * and rows come a moment later. Much nicer, and they come many moments later.
 */
export const WORKER_NICENESS = '3'

/** What a stack is made of, while it is put together and afterwards. */
export interface Plan {
  readonly directory: string
  readonly options: StackOptions
  readonly giveUp: AbortController
  /** In tiers, the last of which is stopped first. */
  readonly tiers: Supervised[][]
}

export function newPlan(directory: string, options: StackOptions): Plan {
  return { directory, options, giveUp: new AbortController(), tiers: [] }
}

export async function stopParts(plan: Plan): Promise<void> {
  for (const tier of plan.tiers.splice(0).reverse()) {
    await Promise.all(tier.map((part) => part.stop()))
  }
}

/** The services that the environment does not name; answers the variables that name all of them. */
export async function startServices(plan: Plan): Promise<Record<string, string>> {
  const starts: Record<string, () => Promise<string>> = {
    EVENTSTORE_URL: () => startStore(plan),
    DATABASE_URL: () => startDatabase(plan),
    REDIS_QUEUE_URL: () => startQueue(plan),
    REDIS_CACHE_URL: () => startCache(plan),
  }
  plan.tiers.push([])
  const urls = Object.entries(starts).map(async ([name, start]) => {
    return [name, process.env[name] || (await start())]
  })
  return Object.fromEntries(await together(plan, urls))
}

/** One API, which is answered, and one worker. */
export async function startPrograms(
  plan: Plan,
  environment: Readonly<Record<string, string>>,
): Promise<LocalServer> {
  const { host, port } = plan.options
  plan.tiers.push([])
  const [api] = await together(plan, [
    program(plan, 'api', PROGRAM_GRACE_MS, (previous) => ({
      ...environment,
      HOST: host,
      PORT: String(previous?.port ?? port),
    })),
    program(plan, 'worker', PROGRAM_GRACE_MS, () => ({
      ...environment,
      DAYBOOK_WORKER_NICENESS: process.env['DAYBOOK_WORKER_NICENESS'] || WORKER_NICENESS,
    })),
  ])
  if (!api) throw new Error('The API was started and is not there.')
  return api
}

async function startStore(plan: Plan): Promise<string> {
  const store = await program(plan, 'store', STORE_GRACE_MS, (previous) => ({
    DAYBOOK_STORE_DIRECTORY: join(plan.directory, 'event-store'),
    DAYBOOK_STORE_PORT: String(previous?.port ?? 0),
  }))
  return `esdb://127.0.0.1:${store.port}?tls=false`
}

async function startDatabase(plan: Plan): Promise<string> {
  const place = placeOf(plan, 'postgres')
  const { url } = await part(plan, 'postgres', (signal, previous) =>
    startPostgres({ ...place, durable: true, port: previous?.port, signal }),
  )
  return url
}

async function startQueue(plan: Plan): Promise<string> {
  const place = placeOf(plan, 'redis-queue')
  const kind = { policy: 'noeviction', persistent: true } as const
  const { url } = await part(plan, 'redis-queue', (signal, previous) =>
    startRedis({ ...place, ...kind, previous, signal }),
  )
  return url
}

async function startCache(plan: Plan): Promise<string> {
  const place = placeOf(plan, 'redis-cache')
  const kind = { policy: 'allkeys-lru', maxMemory: '128mb', persistent: false } as const
  const { url } = await part(plan, 'redis-cache', (signal, previous) =>
    startRedis({ ...place, ...kind, previous, signal }),
  )
  return url
}

/** One of Daybook's own processes: `serve NAME`, on the port that its predecessor had. */
function program(
  plan: Plan,
  name: string,
  stopGraceMs: number,
  environment: (previous: LocalServer | undefined) => Readonly<Record<string, string>>,
): Promise<LocalServer> {
  const script = [plan.options.main ?? MAIN, 'serve', name]
  const { logFile } = placeOf(plan, name)
  return part(plan, name, (signal, previous) =>
    startProgram({
      name,
      script,
      logFile,
      environment: environment(previous),
      stopGraceMs,
      signal,
    }),
  )
}

async function part(
  plan: Plan,
  name: string,
  start: (signal: AbortSignal, previous: LocalServer | undefined) => Promise<LocalServer>,
): Promise<LocalServer> {
  const { log } = plan.options
  const supervised = await supervise({ name, start, log, signal: plan.giveUp.signal })
  plan.tiers.at(-1)?.push(supervised)
  return supervised.first
}

/** All of them, or the first failure, once none of the others is still on its way up. */
async function together<T>(plan: Plan, starts: readonly Promise<T>[]): Promise<T[]> {
  let failure: { readonly error: unknown } | undefined
  for (const start of starts) {
    start.catch((error: unknown) => {
      failure ??= { error }
      plan.giveUp.abort()
    })
  }
  await Promise.allSettled(starts)
  plan.options.signal?.throwIfAborted()
  if (failure) throw failure.error
  return Promise.all(starts)
}

function placeOf(plan: Plan, name: string) {
  return {
    directory: join(plan.directory, name),
    logFile: join(plan.directory, 'log', `${name}.log`),
  }
}
