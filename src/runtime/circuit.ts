import type { Redis } from 'ioredis'
import type { Logger } from './log.ts'

/** How long a Redis that failed is left alone before one command tries it again. */
const pauseMs = 1_000

/**
 * Runs commands of a Redis that nobody depends on: null where one fails. After a failure the next
 * ones are not even sent, so that a Redis which answers late or never costs one reader its patience
 * and not each of them. Says once that it is away, and once that it is back.
 */
export const circuit = (
  redis: Redis,
  log: Logger,
): (<Result>(command: () => Promise<Result>) => Promise<Result | null>) => {
  let isAway = false
  let tryAt = 0
  const away = (error: Error) => {
    if (!isAway) log.warn({ redis: 'cache', error: error.message }, 'redis is away')
    isAway = true
    tryAt = Date.now() + pauseMs
  }
  redis.on('error', away)
  redis.on('ready', () => {
    tryAt = 0
  })

  return async (command) => {
    if (isAway) {
      if (Date.now() < tryAt) return null
      tryAt = Date.now() + pauseMs
    }
    try {
      const result = await command()
      if (isAway) log.info({ redis: 'cache' }, 'redis is back')
      isAway = false
      return result
    } catch (error) {
      away(error as Error)
      return null
    }
  }
}
