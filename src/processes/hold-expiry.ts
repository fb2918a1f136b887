import type { Recorded } from '../domain/events/index.ts'

/** Beyond this the sweep finds it as well: a queue need not remember for years. */
const horizonMs = 3_600_000
/** Holds that end within the same second are one matter. */
const stepMs = 1_000

/**
 * The process manager of holds: when the book of these events should be asked to let holds expire,
 * in ms since 1970, ascending. Only times within the next hour: what is later, or what comes of a
 * time that is missed, is found in the read model.
 */
export const expiriesOf = (events: readonly Recorded[]): readonly number[] => {
  const times = new Set<number>()
  for (const event of events) {
    if (event.type !== 'TransactionsRecorded') continue
    const horizon = Date.parse(event.metadata.recorded_at) + horizonMs
    for (const { expires_at } of event.data.transactions) {
      if (expires_at === undefined) continue
      const at = Math.ceil(Date.parse(expires_at) / stepMs) * stepMs
      if (at <= horizon) times.add(at)
    }
  }
  return [...times].sort((one, other) => one - other)
}
