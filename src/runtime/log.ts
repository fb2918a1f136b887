import { type Logger as PinoLogger, pino } from 'pino'
import { ConfigError } from './config.ts'

export type Logger = PinoLogger

const levels = ['debug', 'info', 'warn', 'error', 'silent'] as const

/** JSON lines on standard output. `DAYBOOK_LOG_LEVEL`: debug, info (default), warn, error, silent. */
export const createLogger = (name: string, level = 'info'): Logger => {
  if (!(levels as readonly string[]).includes(level)) {
    throw new ConfigError(`DAYBOOK_LOG_LEVEL is ${level}; use one of ${levels.join(', ')}`)
  }
  output ??= pino.destination({ sync: false, minLength: gatheredBytes, periodicFlush: flushMs })
  const redact = ['password', '*.password', 'authorization', '*.authorization', 'token', '*.token']
  return pino({ name, level, redact }, output)
}

/** Lines are written together, because a write costs as much as fifty lines; none waits for long. */
const gatheredBytes = 8_192
const flushMs = 50
let output: ReturnType<typeof pino.destination> | undefined

/**
 * A line for each request. Reads that went well are told at the level debug, and counted in the
 * metrics: the line would cost as much as a third of the read.
 */
export const requestLog = (log: Logger) => {
  // Nothing in these facts is ever secret, and looking through them costs as much as writing them.
  const plain = log.child({}, { redact: [] })
  return ({ method, path, status, seconds, requestId, traced }: AnsweredRequest): void => {
    const level = status >= 500 ? 'warn' : status < 400 && method === 'GET' ? 'debug' : 'info'
    if (!plain.isLevelEnabled(level)) return
    const ms = Math.round(seconds * 10_000) / 10
    plain[level]({ method, path, status, ms, request_id: requestId, ...traced }, 'request')
  }
}

type AnsweredRequest = {
  readonly method: string
  readonly path: string
  readonly status: number
  readonly seconds: number
  readonly requestId: string
  readonly traced: Readonly<Record<string, string>> | null
}
