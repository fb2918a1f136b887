import { setTimeout as sleep } from 'node:timers/promises'
import type { LocalServer } from './child.ts'
import { SetupProblem } from './setup-problem.ts'

export interface SuperviseOptions {
  readonly name: string
  /** Starts the server; `previous` is the one that died, whose port its successor takes over. */
  readonly start: (signal: AbortSignal, previous: LocalServer | undefined) => Promise<LocalServer>
  /** For one line about each death, and what came of it. */
  readonly log: (line: string) => void
  /** Gives up the first start. */
  readonly signal: AbortSignal
}

export interface Supervised {
  readonly first: LocalServer
  stop(): Promise<void>
}

const FIRST_ATTEMPTS = 3
const SHORTEST_PAUSE_MS = 100
const LONGEST_PAUSE_MS = 10_000
/** A server that lived this long starts anew with the shortest pause. */
const SETTLED_MS = 30_000

/**
 * Starts a server and starts it again whenever it dies, until it is stopped.
 * @throws when it could not be started at all, after a few attempts
 */
export async function supervise(options: SuperviseOptions): Promise<Supervised> {
  const stopping = new AbortController()
  const stopFirst = () => stopping.abort()
  options.signal.addEventListener('abort', stopFirst)
  if (options.signal.aborted) stopFirst()
  const first = await startAtFirst(options, stopping.signal)
  options.signal.removeEventListener('abort', stopFirst)
  let current = first
  const watching = keepAlive(options, first, stopping.signal, (server) => {
    current = server
  })
  return {
    first,
    stop: async () => {
      stopping.abort()
      await current.stop()
      await watching
    },
  }
}

async function startAtFirst(
  { name, start }: SuperviseOptions,
  signal: AbortSignal,
): Promise<LocalServer> {
  for (let attempt = 1; ; attempt += 1) {
    signal.throwIfAborted()
    try {
      return await start(signal, undefined)
    } catch (error) {
      if (error instanceof SetupProblem || signal.aborted) throw error
      if (attempt === FIRST_ATTEMPTS) {
        throw new SetupProblem(
          `${name} could not be started, in ${FIRST_ATTEMPTS} attempts: ${message(error)}\n` +
            'Mend what the log complains about, then start again.',
        )
      }
      await pause(SHORTEST_PAUSE_MS * 2 ** attempt, signal)
    }
  }
}

async function keepAlive(
  options: SuperviseOptions,
  first: LocalServer,
  signal: AbortSignal,
  onStart: (server: LocalServer) => void,
): Promise<void> {
  const { name, start, log } = options
  let server = first
  let pauseMs = SHORTEST_PAUSE_MS
  let startedAt = performance.now()
  for (;;) {
    const how = await server.child.exited
    if (signal.aborted) return
    const diedAt = performance.now()
    if (diedAt - startedAt > SETTLED_MS) pauseMs = SHORTEST_PAUSE_MS
    for (let back = false; !back; ) {
      await pause(pauseMs, signal)
      if (signal.aborted) return
      pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)
      try {
        server = await start(signal, server)
        if (signal.aborted) return await server.stop()
        back = true
      } catch (error) {
        if (signal.aborted) return
        const next = `next attempt in ${pauseMs / 1000} s`
        log(`${name} ${how}, and cannot be started again (${next}): ${firstLine(error)}`)
      }
    }
    startedAt = performance.now()
    onStart(server)
    log(`${name} ${how}; it is back after ${((startedAt - diedAt) / 1000).toFixed(1)} s`)
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined)
}

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function firstLine(error: unknown): string {
  return message(error).split('\n')[0] ?? ''
}
