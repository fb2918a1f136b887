import assert from 'node:assert/strict'
import { type ChildProcess, fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import jwt from 'jsonwebtoken'
import type { Running } from '../../src/cli/serve-api.ts'
import { serveApi } from '../../src/cli/serve-api.ts'
import { serveWorker } from '../../src/cli/serve-worker.ts'
import { serveEventStore } from '../../src/event-store/serve.ts'
import { apiConfig, workerConfig } from '../../src/runtime/config.ts'
import { haltedBooks } from './halted.ts'
import { type Rest, restClient } from './rest.ts'
import { freshDatabase, services, testDirectory } from './services.ts'

type Environment = Readonly<Record<string, string>>

const email = 'admin@example.com'
const password = 'a password for tests'
export const jwtSecret = randomBytes(32).toString('hex')

const program = fileURLToPath(new URL('../../src/main.js', import.meta.url))

/** An API and a worker over real services, with an administrator who is logged in. */
export type Daybook = {
  /** What a further process of it needs. */
  readonly environment: Environment
  readonly rest: Rest
  readonly token: string
  /** One more API in this process. */
  readonly startApi: () => Promise<Rest & { readonly close: () => Promise<void> }>
  readonly startWorker: () => Promise<Running>
  readonly close: () => Promise<void>
}

let shared: Promise<Daybook> | undefined
const open = new Set<() => Promise<void>>()

/** The one that most tests share, each with books of its own. */
export const daybook = (): Promise<Daybook> => {
  shared ??= freshEnvironment().then((environment) => openDaybook(environment))
  return shared
}

let redisDatabases = 0

/** An empty database, event store and place in the Redis servers that nobody else uses. */
export const freshEnvironment = async (): Promise<Environment> => {
  const { queueUrl, cacheUrl } = await services()
  const place = (redisDatabases += 1)
  if (place > 63) throw new Error('Redis has 64 databases: share a Daybook among tests')
  const store = await serveEventStore({ directory: testDirectory('event-store'), port: 0 })
  open.add(() => store.close())
  return {
    EVENTSTORE_URL: `esdb://127.0.0.1:${store.port}?tls=false`,
    DATABASE_URL: await freshDatabase(),
    REDIS_QUEUE_URL: `${queueUrl}/${place}`,
    REDIS_CACHE_URL: `${cacheUrl}/${place}`,
    DAYBOOK_JWT_SECRET: jwtSecret,
    DAYBOOK_FINGERPRINT_SECRET: 'recognises a request that comes again',
    DAYBOOK_ADMIN_EMAIL: email,
    DAYBOOK_ADMIN_PASSWORD: password,
    DAYBOOK_LOG_LEVEL: 'silent',
    PORT: '0',
  }
}

export const openDaybook = async (
  environment: Environment,
  { hasWorker = true }: { hasWorker?: boolean } = {},
): Promise<Daybook> => {
  const closing = new Set<() => Promise<void>>()
  const keep = (running: Running): Running => {
    const close = async () => {
      if (closing.delete(close)) await running.close()
    }
    closing.add(close)
    return { ...running, close }
  }
  const startWorker = async () => keep(await serveWorker(workerConfig(environment)))
  const startApi = async () => {
    const { port, close } = keep(await serveApi(apiConfig(environment)))
    return { ...restClient(`http://127.0.0.1:${port}`, token), close }
  }
  const close = async () => {
    open.delete(close)
    await Promise.all([...closing].map((one) => one()))
  }
  open.add(close)
  let token: string | null = null
  const { url } = await startApi()
  token = await logIn(url)
  if (hasWorker) await startWorker()
  return { environment, rest: restClient(url, token), token, startApi, startWorker, close }
}

export const logIn = async (url: string): Promise<string> => {
  const body = { email, password }
  const { data } = await restClient(url, null).post<{ token: string }>('/v1/auth/login', body)
  const { sub, role, ver, iss, aud } = jwt.decode(data.token) as jwt.JwtPayload
  // The same again, but for longer: how long the tests take must not matter.
  const claims = { sub, role, ver, iss, aud }
  return jwt.sign(claims, jwtSecret, { algorithm: 'HS256', keyid: '1', expiresIn: '1d' })
}

/** A part in a process of its own, to be killed; `main` is that of another build of Daybook. */
export const startPart = async (
  part: 'api' | 'worker' | 'store',
  environment: Environment,
  main = program,
) => {
  const child = fork(main, ['serve', part], { env: { ...process.env, ...environment } })
  const kill = () => endProcess(child, 'SIGKILL')
  open.add(kill)
  child.once('exit', () => open.delete(kill))
  const [message] = await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(([code]) => {
      throw new Error(`${part} ended with ${code}`)
    }),
  ])
  const { port } = message as { port: number }
  return { process: child, url: `http://127.0.0.1:${port}`, port, kill }
}

/** The command line in a process of its own. */
export const startCommand = (
  args: readonly string[],
  environment: Environment,
): { readonly process: ChildProcess; readonly ended: Promise<CommandEnd> } => {
  const child = fork(program, args, { env: { ...process.env, ...environment }, silent: true })
  const kill = () => endProcess(child, 'SIGKILL')
  open.add(kill)
  let stdout = ''
  let stderr = ''
  child.stdout?.on('data', (chunk) => (stdout += chunk))
  child.stderr?.on('data', (chunk) => (stderr += chunk))
  const ended = once(child, 'close').then(([code, signal]) => {
    open.delete(kill)
    return { code, signal, stdout, stderr }
  })
  return { process: child, ended }
}

export type CommandEnd = {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

const endProcess = async (child: ChildProcess, signal: NodeJS.Signals): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill(signal)
  await exited
}

const broken = new Set<string>()

/** A test breaks this book of the shared Daybook on purpose. */
export const breaks = (bookId: string): void => {
  broken.add(bookId)
}

/** No test that shares a Daybook may have left a book behind that cannot be folded. */
export const checkShared = async (): Promise<void> => {
  if (!shared) return
  const halted = await haltedBooks(await shared)
  assert.deepEqual(
    halted.filter((one) => ![...broken].some((bookId) => one.includes(bookId))),
    [],
  )
}

/** Before the services end: whatever still runs of every Daybook that was opened. */
export const stopDaybooks = async (): Promise<void> => {
  for (const close of [...open].reverse()) await close()
}
