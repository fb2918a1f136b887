import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { logSize, logTail, openLog } from './log-file.ts'

export interface ChildOptions {
  readonly name: string
  readonly command: readonly string[]
  readonly logFile: string
  readonly environment?: Readonly<Record<string, string>>
  readonly stopSignal?: NodeJS.Signals
  /** Opens an IPC channel, for Node programs that report when they are ready. */
  readonly ipc?: boolean
}

export interface Child {
  readonly name: string
  readonly pid: number
  readonly logFile: string
  readonly process: ChildProcess
  /** How the process ended, as a clause: "was killed by SIGKILL". */
  readonly exited: Promise<string>
  hasExited(): boolean
  /** What it wrote to its log since it was started. */
  logTail(): string[]
  /** Asks it to stop and, past the grace, kills it together with its process group. */
  stop(graceMs: number): Promise<void>
}

/** A server that is up, with what its clients need. */
export interface LocalServer {
  readonly url: string
  readonly port: number
  readonly child: Child
  stop(): Promise<void>
}

/**
 * Starts a program in a process group of its own, so that Ctrl-C reaches only Daybook itself, which
 * then stops its children in order. All output goes to the log.
 */
export function spawnChild(options: ChildOptions): Child {
  const { name, logFile } = options
  const log = openLog(logFile)
  const logStart = logSize(logFile)
  const [program = '', ...args] = options.command
  const child = spawn(program, args, {
    detached: true,
    env: { ...process.env, ...options.environment },
    stdio: options.ipc ? ['ignore', log, log, 'ipc'] : ['ignore', log, log],
  })
  closeSync(log)
  let over = false
  const exited = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(`could not be run (${error.message})`))
    child.once('exit', (code, signal) =>
      resolve(signal ? `was killed by ${signal}` : `ended with exit code ${code}`),
    )
  }).finally(() => {
    over = true
  })
  return {
    name,
    pid: child.pid ?? 0,
    logFile,
    process: child,
    exited,
    hasExited: () => over,
    logTail: () => logTail(logFile, Math.min(logStart, logSize(logFile))),
    stop: async (graceMs) => {
      if (over) return
      signalGroup(child, options.stopSignal ?? 'SIGTERM', false)
      if (await settlesWithin(exited, graceMs)) return
      signalGroup(child, 'SIGKILL', true)
      await exited
    },
  }
}

/**
 * Waits until `probe` answers something. Past the time limit, or when it is no longer wanted, the
 * process is killed.
 * @throws NotReady also when the process ends by itself
 */
export async function untilReady<T>(
  child: Child,
  probe: () => Promise<T | undefined>,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<T> {
  const deadline = performance.now() + timeoutMs
  while (performance.now() < deadline && !signal?.aborted) {
    if (child.hasExited()) throw new NotReady(child, await child.exited, true)
    const answer = await probe()
    if (answer !== undefined) return answer
    await sleep(20)
  }
  await child.stop(1000)
  throw new NotReady(child, `was not ready after ${timeoutMs / 1000} s`, false)
}

/** A child that ended, or stayed mute, before it was ready. */
export class NotReady extends Error {
  override name = 'NotReady'
  readonly ended: boolean
  readonly logLines: readonly string[]

  constructor(child: Child, what: string, ended: boolean) {
    const lines = child.logTail()
    const quote = lines.length > 0 ? `\n${lines.map((line) => `    ${line}`).join('\n')}` : ''
    super(`${child.name} ${what}. Its log is ${child.logFile}${quote}`)
    this.logLines = lines
    this.ended = ended
  }
}

async function settlesWithin(promise: Promise<unknown>, ms: number): Promise<boolean> {
  const timeout = new AbortController()
  const timer = sleep(ms, false, { signal: timeout.signal }).catch(() => false)
  const settled = await Promise.race([promise.then(() => true), timer])
  timeout.abort()
  return settled
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals, group: boolean): void {
  if (child.pid === undefined) return
  try {
    process.kill(group ? -child.pid : child.pid, signal)
  } catch {
    // It ended in the meantime.
  }
}
