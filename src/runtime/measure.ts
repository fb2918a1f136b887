import type { BookLog } from '../commands/book-log.ts'
import type { BookWriters } from '../commands/book-writers.ts'
import type { LookupIndex } from '../commands/lookup-index.ts'
import { Rejected } from '../domain/rejection.ts'
import type { ApiMetrics } from './metrics.ts'

/** The same log, its appends counted and timed, and the events read through it counted. */
export const measuredLog = <Log extends BookLog>(
  log: Log,
  { appends, groupSize, eventsRead }: ApiMetrics,
): Log => ({
  ...log,
  read: async function* (...what) {
    for await (const event of log.read(...what)) {
      eventsRead.inc()
      yield event
    }
  },
  append: async (bookId, expected, events) => {
    const stop = appends.startTimer()
    const result = await log.append(bookId, expected, events)
    stop({ result: result.kind })
    groupSize.observe(events.length)
    return result
  },
})

/** The same index, its questions counted. */
export const measuredIndex = ({ find }: LookupIndex, { lookups }: ApiMetrics): LookupIndex => ({
  find: async (...what) => {
    try {
      const answer = await find(...what)
      lookups.inc({ result: 'answered' })
      return answer
    } catch (error) {
      lookups.inc({ result: 'away' })
      throw error
    }
  },
})

/** The same submit, its outcomes counted. */
export const measuredSubmit =
  (submit: BookWriters['submit'], { commands, waiting }: ApiMetrics): BookWriters['submit'] =>
  async (received) => {
    const command = received.command.name
    waiting.inc()
    try {
      const result = await submit(received)
      const outcome =
        result.kind === 'refused' ? result.rejection.code : result.isReplay ? 'replayed' : 'done'
      commands.inc({ command, outcome })
      return result
    } catch (error) {
      const outcome = error instanceof Rejected ? error.rejection.code : 'failed'
      commands.inc({ command, outcome })
      throw error
    } finally {
      waiting.dec()
    }
  }
