import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { Rejected } from '../../../domain/rejection.ts'
import type { Projection } from '../../../projections/projection.ts'
import { type Database, isUnavailable } from '../../postgres.ts'
import type { Projecting } from '../advance.ts'
import { dropUnused } from './drop.ts'
import { endBuild, giveBack, type Leased, moveOn, renewLease, takeLease } from './lease.ts'
import { BuildFailed, Interrupted, type Rebuilding } from './rebuilding.ts'
import { doStage } from './stages.ts'

const everyMs = 1_000
const renewMs = 1_000
/** After a failure that may pass. */
const pauseSeconds = 2

/**
 * Looks for builds to work at until stopped, and for schemas that nobody needs any more. Plan and
 * stage are in Postgres, and one worker at a time holds the lease of a build; so it does not matter
 * which worker ends, or how. `db` has connections of its own, whose statements may take long.
 */
export const rebuildUntilStopped = async (
  projecting: Projecting,
  db: Database,
  projections: readonly Projection[],
): Promise<void> => {
  const worker = randomUUID()
  const { stopping, log } = projecting
  while (!stopping.aborted) {
    try {
      await dropUnused(db)
      const leased = await takeLease(db, projections, worker)
      if (leased) {
        await workAt(projecting, db, leased, worker)
        continue
      }
    } catch (error) {
      log.warn({ err: error }, 'builds cannot be worked at')
    }
    await sleep(everyMs, undefined, { signal: stopping }).catch(() => {})
  }
}

const workAt = async (
  projecting: Projecting,
  db: Database,
  leased: Leased,
  worker: string,
): Promise<void> => {
  const { build } = leased
  const { log } = projecting
  const about = { projection: build.projection.name, build: build.id }
  const lease = keepLease(projecting, db, leased, worker)
  const stopping = AbortSignal.any([projecting.stopping, lease.ended])
  const rebuilding = { projecting: { ...projecting, stopping }, db, findable: new Map() }
  try {
    await doStages(rebuilding, leased, worker, (stage) => log.info({ ...about, stage }, 'build'))
  } catch (error) {
    if (lease.isCancelled()) {
      await endBuild(db, build, worker, 'cancelled')
      log.info(about, 'build cancelled')
    } else if (stopping.aborted || error instanceof Interrupted) {
      await giveBack(db, build, worker)
    } else if (isPassing(error)) {
      log.warn({ ...about, err: error }, 'a build waits for what is away')
      await giveBack(db, build, worker, pauseSeconds)
    } else {
      const { message } = error as Error
      const report = error instanceof BuildFailed ? error.report : null
      await endBuild(db, build, worker, 'failed', { error: message, report })
      log.error({ ...about, err: error }, 'build failed; the live one is as it was')
    }
  } finally {
    await lease.stop()
  }
}

const isPassing = (error: unknown): boolean =>
  isUnavailable(error) ||
  (error instanceof Rejected && error.rejection.code === 'store_unavailable')

const doStages = async (
  rebuilding: Rebuilding,
  leased: Leased,
  worker: string,
  tell: (stage: string) => void,
): Promise<void> => {
  const { db } = rebuilding
  let { build } = leased
  for (;;) {
    const next = await doStage(rebuilding, { ...leased, build })
    tell(next)
    // Going live is the transaction that made it so; nothing is left to say.
    if (next === 'live') return giveBack(db, build, worker)
    if (next === 'done') return endBuild(db, build, worker, 'done')
    if (!(await moveOn(db, build, worker, next))) throw new Interrupted('the lease is lost')
    build = { ...build, stage: next }
  }
}

/** Renews the lease while the work goes on, and ends the work when it is not ours any more. */
const keepLease = ({ log }: Projecting, db: Database, { build }: Leased, worker: string) => {
  const ended = new AbortController()
  const stopped = new AbortController()
  let isCancelled = false
  const renewing = (async () => {
    while (!stopped.signal.aborted) {
      try {
        const renewed = await renewLease(db, build, worker)
        isCancelled = renewed === 'cancelled'
        if (renewed !== 'ours') ended.abort()
      } catch (error) {
        log.debug({ err: error }, 'a lease was not renewed')
      }
      await sleep(renewMs, undefined, { signal: stopped.signal }).catch(() => {})
    }
  })()
  return {
    ended: ended.signal,
    isCancelled: () => isCancelled,
    stop: async () => {
      stopped.abort()
      await renewing
    },
  }
}
