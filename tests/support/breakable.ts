import assert from 'node:assert/strict'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { startPostgres } from '../../src/local/postgres.ts'
import { startProgram } from '../../src/local/program.ts'
import { startRedis } from '../../src/local/redis.ts'
import { keepUp, type Part } from '../faults/part.ts'
import { type Daybook, freshEnvironment, openDaybook } from './daybook.ts'
import { type Answer, type Rest, restClient } from './rest.ts'
import { testDirectory } from './services.ts'

const main = fileURLToPath(new URL('../../src/main.js', import.meta.url))

const services = ['store', 'postgres', 'queue', 'cache'] as const
const programs = ['api', 'worker-1', 'worker-2'] as const
export type PartName = (typeof services)[number] | (typeof programs)[number]
export const partNames: readonly PartName[] = [...services, ...programs]

/** Every part in a process of its own, to be killed, and one API that stays. */
export type Breakable = {
  readonly running: Daybook
  /** Kills these at once; resolves when all are up again. */
  readonly kill: (...names: readonly PartName[]) => Promise<void>
  /** Asks the API that stays, or either, and again where a part is away and the answer says so. */
  readonly rest: Rest
  readonly anyRest: Rest
  /** How often was asked again. */
  readonly repeats: () => number
  /** How often of that a write was, though nothing was away, only the answer late. */
  readonly slowRefusals: () => number
  /** Ends that nobody asked for. */
  readonly deaths: () => readonly string[]
  readonly close: () => Promise<void>
}

export const openBreakable = async (): Promise<Breakable> => {
  const parts = new Map<PartName, Part>()
  const partOf = (name: PartName): Part => parts.get(name) as Part
  const up = async (name: PartName) => (await partOf(name).whenUp()).url
  startServices(parts)
  const environment = {
    ...(await freshEnvironment()),
    DAYBOOK_LOG_LEVEL: 'error',
    EVENTSTORE_URL: `esdb://${new URL(await up('store')).host}?tls=false`,
    DATABASE_URL: await up('postgres'),
    REDIS_QUEUE_URL: await up('queue'),
    REDIS_CACHE_URL: await up('cache'),
  }
  const running = await openDaybook(environment, { hasWorker: false })
  for (const name of programs) parts.set(name, keepProgramUp(name, environment))
  const ownApi = restClient(await up('api'), running.token)
  await Promise.all(programs.map(up))

  /** When the APIs said that they have it again. */
  const backAt = new Map<PartName, number>()
  const kill: Breakable['kill'] = async (...names) => {
    for (const name of names) backAt.set(name, Number.POSITIVE_INFINITY)
    await Promise.all(names.map((name) => partOf(name).kill()))
    await Promise.all(names.map(up))
    await Promise.all([running.rest, ownApi].map(untilReady))
    for (const name of names) backAt.set(name, Date.now())
  }
  const lastBack = () => Math.max(0, ...backAt.values())
  let repeats = 0
  let slowRefusals = 0
  const excuse: Excuse = (answer, path, sentAt, isRead) => {
    const needed: readonly PartName[] = isRead ? ['postgres'] : ['postgres', 'store']
    const who: readonly PartName[] = answer ? needed : ['api']
    const what = answer ? answer.text : 'the connection ended'
    const graceMs = (name: PartName) => (isRead && name === 'postgres' ? settlingMs : 0)
    const wasAway = who.some((name) => sentAt < (backAt.get(name) ?? 0) + graceMs(name))
    const isSlow = !wasAway && !isRead && Date.now() - sentAt > slowMs
    const after = `after ${Date.now() - sentAt} ms, sent ${sentAt - lastBack()} ms after all were back`
    assert(wasAway || isSlow, `${path}: ${what} ${after}, though nothing was away when it was sent`)
    if (isSlow) slowRefusals++
    if (answer) assert.equal(answer.headers.get('retry-after'), '1', what)
    repeats++
  }
  const patient = (choose: () => Rest): Rest => patientRest(choose, excuse)
  let turn = 0
  return {
    running,
    kill,
    rest: patient(() => running.rest),
    anyRest: patient(() => (turn++ % 2 === 0 ? running.rest : ownApi)),
    repeats: () => repeats,
    slowRefusals: () => slowRefusals,
    deaths: () => [...parts.values()].flatMap(({ deaths }) => deaths),
    close: async () => {
      await Promise.all(programs.map((name) => partOf(name).close()))
      await running.close()
      await Promise.all(services.map((name) => partOf(name).close()))
    },
  }
}

/** So long after Postgres is back a read may still meet a connection that leads nowhere. */
const settlingMs = 5_000

/** A write that is refused after so long says that the machine is slow: no part waits for ever. */
const slowMs = 1_500

/** Until an API says that it has all that it needs. */
const untilReady = async ({ url }: Rest): Promise<void> => {
  for (;;) {
    const answer = await fetch(`${url}/health/ready`).catch(() => null)
    const text = await answer?.text().catch(() => null)
    if (answer?.status === 200 && text) return
    await sleep(50)
  }
}

const placeOf = (name: string) => ({
  directory: testDirectory(name),
  logFile: join(testDirectory(`${name}-log`), `${name}.log`),
})

const startServices = (parts: Map<PartName, Part>): void => {
  const [store, postgres, queue, cache] = services.map(placeOf) as [Place, Place, Place, Place]
  const redis = { persistent: false, maxMemory: '64mb' } as const
  const storeAt = (port = 0) => ({
    DAYBOOK_STORE_DIRECTORY: store.directory,
    DAYBOOK_STORE_PORT: String(port),
  })
  parts.set(
    'store',
    keepUp('store', (previous) => startPart('store', store.logFile, storeAt(previous?.port))),
  )
  parts.set(
    'postgres',
    // What it says that it has stored must be there when it comes back: a rebuild's plan, too.
    keepUp('postgres', (previous) =>
      startPostgres({ ...postgres, durable: true, port: previous?.port }),
    ),
  )
  parts.set(
    'queue',
    keepUp('queue', (previous) =>
      startRedis({ ...queue, ...redis, policy: 'noeviction', previous }),
    ),
  )
  parts.set(
    'cache',
    keepUp('cache', (previous) =>
      startRedis({ ...cache, ...redis, policy: 'allkeys-lru', previous }),
    ),
  )
}
type Place = ReturnType<typeof placeOf>

type Environment = Readonly<Record<string, string>>

const startPart = (name: string, logFile: string, environment: Environment) =>
  startProgram({
    name,
    script: [main, 'serve', name.replace(/-\d$/, '')],
    logFile,
    environment: { DAYBOOK_LOG_LEVEL: 'warn', ...environment },
    stopGraceMs: 15_000,
    signal: new AbortController().signal,
  })

const keepProgramUp = (name: string, environment: Environment): Part => {
  const { logFile } = placeOf(name)
  // Its sessions are called after it, so that it can be told who does what in Postgres.
  const DATABASE_URL = `${environment['DATABASE_URL']}?application_name=${name}`
  return keepUp(name, (previous) =>
    startPart(name, logFile, { ...environment, DATABASE_URL, PORT: String(previous?.port ?? 0) }),
  )
}

const passing = new Set(['store_unavailable', 'outcome_unknown', 'write_contention', 'overloaded'])

/** Throws where an answer, or none, has no good reason. */
type Excuse = (answer: Answer | null, path: string, sentAt: number, isRead: boolean) => void

/** Asks again, as Retry-After says, for as long as that is excused. */
const patientRest = (choose: () => Rest, excuse: Excuse): Rest => {
  const repeated = async <Data>(
    path: string,
    ask: (rest: Rest) => Promise<Answer<Data>>,
    isRead = false,
  ): Promise<Answer<Data>> => {
    for (;;) {
      const sentAt = Date.now()
      const answer = await ask(choose()).catch((error: unknown) => {
        if (error instanceof TypeError) return null
        throw error
      })
      const isPassing = answer === null || (answer.status === 503 && passing.has(answer.error.code))
      if (!isPassing) return answer
      excuse(answer, path, sentAt, isRead)
      await sleep(answer ? 1_000 * Number(answer.headers.get('retry-after')) : 50)
    }
  }
  return {
    url: choose().url,
    send: (method, path, ...more) => repeated(path, (rest) => rest.send(method, path, ...more)),
    get: (path, headers) => repeated(path, (rest) => rest.get(path, headers), true),
    post: (path, ...more) => repeated(path, (rest) => rest.post(path, ...more)),
    write: (method, path, ...more) => repeated(path, (rest) => rest.write(method, path, ...more)),
  }
}
