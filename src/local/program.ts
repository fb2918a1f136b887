import { type LocalServer, spawnChild, untilReady } from './child.ts'
import { leash } from './leash.mjs'

export interface ProgramOptions {
  readonly name: string
  /** A script and its arguments, run by this same Node. */
  readonly script: readonly string[]
  readonly logFile: string
  readonly environment: Readonly<Record<string, string>>
  readonly stopGraceMs: number
  readonly signal: AbortSignal
}

const START_TIMEOUT_MS = 120_000

/** MiB that young objects may take: those of a large batch then die before they are moved twice. */
const YOUNG_SPACE = '--max-semi-space-size=32'

/**
 * MiB that old objects may take before the dead ones among them are looked for. Of what these two keep,
 * most dies old: V8 would look every half second. Not so the API (docs/decisions/055).
 */
const OLD_SPACE: Readonly<Record<string, number>> = { store: 256, worker: 256 }

/**
 * Starts one of Daybook's own processes. It tells that it is ready, and on which port, by
 * `process.send({ ready: true, port })`, and ends on SIGTERM and when the channel is disconnected.
 */
export async function startProgram(options: ProgramOptions): Promise<LocalServer> {
  const { name, logFile, environment, stopGraceMs } = options
  const command = [
    ...leash('TERM'),
    process.execPath,
    ...memoryOf(options.script),
    ...options.script,
  ]
  const child = spawnChild({ name, command, logFile, environment, ipc: true })
  let port: number | undefined
  child.process.on('message', (message) => {
    if (isReady(message)) port = message.port ?? 0
  })
  const ready = async () => port
  const readyPort = await untilReady(child, ready, START_TIMEOUT_MS, options.signal)
  const stop = () => child.stop(stopGraceMs)
  return { url: `http://127.0.0.1:${readyPort}`, port: readyPort, child, stop }
}

function memoryOf(script: readonly string[]): string[] {
  const oldSpace = OLD_SPACE[script.at(-1) ?? '']
  return oldSpace ? [YOUNG_SPACE, `--initial-old-space-size=${oldSpace}`] : [YOUNG_SPACE]
}

function isReady(message: unknown): message is { ready: true; port?: number } {
  return typeof message === 'object' && message !== null && 'ready' in message
}
