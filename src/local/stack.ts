import { accessSync, constants, mkdirSync, readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { alreadyRunning, STACK_LOCK } from './already-running.mjs'
import { type Lock, tryLock } from './lock.mjs'
import { boundLog } from './log-file.ts'
import { newPlan, type StackOptions, startPrograms, startServices, stopParts } from './parts.ts'
import { portProblem } from './ports.mjs'
import { localSecrets } from './secrets.ts'
import { SetupProblem } from './setup-problem.ts'

export interface Stack {
  /** Of the API. */
  readonly url: string
  /** The variables that the API and the worker were given. */
  readonly environment: Readonly<Record<string, string>>
  stop(): Promise<void>
}

/** Another process has the stack of this data folder, which is no error to its user. */
export class AlreadyRunning extends Error {
  override name = 'AlreadyRunning'
}

const BOUND_LOGS_MS = 30_000

/**
 * Brings up whatever of Daybook is not named by the environment: event store, Postgres, two Redis,
 * and then one API and one worker. Each runs until `stop`, and is started again when it dies.
 * @throws AlreadyRunning, or SetupProblem with what its user can do about it
 */
export async function startStack(options: StackOptions): Promise<Stack> {
  const directory = makeDirectory(options.directory)
  const lock = await lockDirectory(directory)
  const plan = newPlan(directory, options)
  const giveUp = () => plan.giveUp.abort()
  options.signal?.addEventListener('abort', giveUp)
  const bounding = setInterval(() => boundLogs(directory), BOUND_LOGS_MS).unref()
  let stopped: Promise<void> | undefined
  const stop = () => {
    clearInterval(bounding)
    stopped ??= stopParts(plan).then(() => lock.release())
    return stopped
  }
  try {
    options.signal?.throwIfAborted()
    lock.tell({ url: publicUrl(options.host, options.port) })
    const problem = await portProblem(options.port, options.host)
    if (problem) throw new SetupProblem(problem)
    const secrets = localSecrets(directory)
    const environment = { ...(await startServices(plan)), ...secrets }
    const api = await startPrograms(plan, environment)
    const url = publicUrl(options.host, api.port)
    lock.tell({ url, ready: true })
    return { url, environment, stop }
  } catch (error) {
    await stop()
    throw error
  } finally {
    options.signal?.removeEventListener('abort', giveUp)
  }
}

async function lockDirectory(directory: string): Promise<Lock> {
  for (;;) {
    const lock = await tryLock(STACK_LOCK, directory)
    if (lock) return lock
    const running = await alreadyRunning(directory)
    if (running) throw new AlreadyRunning(running)
  }
}

function makeDirectory(path: string): string {
  const directory = resolve(path)
  try {
    mkdirSync(join(directory, 'log'), { recursive: true, mode: 0o700 })
    accessSync(directory, constants.R_OK | constants.W_OK | constants.X_OK)
    return directory
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new SetupProblem(
      `The data folder ${directory} cannot be written to (${why}).\n` +
        'Start as the user it belongs to, or choose another: DAYBOOK_DIRECTORY=... npm start',
    )
  }
}

function boundLogs(directory: string): void {
  const logs = join(directory, 'log')
  for (const name of readdirSync(logs)) {
    if (name.endsWith('.log')) boundLog(join(logs, name))
  }
}

function publicUrl(host: string, port: number): string {
  const anywhere = host === '0.0.0.0' || host === '::'
  const name = anywhere ? '127.0.0.1' : host.includes(':') ? `[${host}]` : host
  return `http://${name}:${port}`
}
