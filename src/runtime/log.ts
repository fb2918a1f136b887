import { type Logger as PinoLogger, pino } from 'pino'
import { ConfigError } from './config.ts'

export type Logger = PinoLogger

const levels = ['debug', 'info', 'warn', 'error', 'silent'] as const

/** JSON lines on standard output. `DAYBOOK_LOG_LEVEL`: debug, info (default), warn, error, silent. */
export const createLogger = (name: string, level = 'info'): Logger => {
  if (!(levels as readonly string[]).includes(level)) {
    throw new ConfigError(`DAYBOOK_LOG_LEVEL is ${level}; use one of ${levels.join(', ')}`)
  }
  return pino({
    name,
    level,
    redact: ['password', '*.password', 'authorization', '*.authorization', 'token', '*.token'],
  })
}
