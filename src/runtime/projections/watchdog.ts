import { setTimeout as sleep } from 'node:timers/promises'
import type { Projecting } from './advance.ts'
import type { Build } from './build.ts'

/** Checks so often within the time that is allowed. */
const checks = 6

/** What tells one state of the read model from the next. */
const progressOf = async ({ db }: Projecting, builds: readonly Build[]) => {
  const live = builds.filter(({ stage }) => stage === 'live')
  const positions: bigint[] = []
  let events = 0
  for (const { schema } of live) {
    const { rows } = await db.query<{ position: string; events: number }>(
      `select position::text,
         (select coalesce(sum(revision + 1), 0)::int8 from ${schema}.checkpoint) as events
       from ${schema}.scan`,
    )
    positions.push(BigInt(rows[0]?.position ?? -1))
    events += rows[0]?.events ?? 0
  }
  return { positions, state: `${positions.join()} ${events}` }
}

/**
 * Resolves, with the reason, when the read model has stood still for so long though the log goes on
 * and both it and Postgres answer. Then something in this process hangs that nobody has thought of,
 * and the best it can do is to end and be started again.
 */
export const untilStandstill = async (
  projecting: Projecting,
  builds: () => readonly Build[],
  limitMs: number,
): Promise<string> => {
  const { stopping, store, log } = projecting
  let last = ''
  let since = Date.now()
  while (!stopping.aborted) {
    await sleep(limitMs / checks, undefined, { signal: stopping, ref: false }).catch(() => {})
    try {
      const { positions, state } = await progressOf(projecting, builds())
      const [first] = positions
      let isBehind = false
      if (first !== undefined) {
        for await (const _ of store.readAll({ position: first, eventId: null }, 1)) isBehind = true
      }
      if (state !== last || !isBehind) {
        last = state
        since = Date.now()
      } else if (Date.now() - since >= limitMs) {
        return `the log goes on, and for ${limitMs} ms nothing was folded`
      }
    } catch (error) {
      // Where Postgres or the event store is away, another process would stand still as well.
      log.debug({ err: error }, 'the watchdog cannot see')
      since = Date.now()
    }
  }
  return new Promise(() => {})
}
