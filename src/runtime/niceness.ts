import { readFileSync, writeFileSync } from 'node:fs'
import { setPriority } from 'node:os'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'

/** Linux shares CPU time between sessions first, and heeds niceness only within each. */
const sessionNiceness = '/proc/self/autogroup'

/**
 * Lets other processes of the machine go first where there is too little CPU for all; where there is
 * enough, it changes nothing.
 * @param niceness 0, which is usual, to 19
 * @throws when the system does not allow it
 */
export const beNice = (niceness: number): void => {
  if (niceness === 0) return
  setPriority(niceness)
  if (leadsSession()) writeFileSync(sessionNiceness, String(niceness), { flag: 'r+' })
}

/** Whether there are such sessions, and one is this process's own: others are not to be slowed. */
const leadsSession = (): boolean => {
  try {
    if (readFileSync(sessionNiceness, 'utf8') === '') return false
    const stat = readFileSync('/proc/self/stat', 'utf8')
    const [, , , session] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return Number(session) === process.pid
  } catch {
    return false
  }
}

const longestRestMs = 1_000
/** For each ms that this process had to wait for a CPU. */
const restPerWait = 10

/** Lets others have the CPU for a while if they want it. */
export type Rest = () => Promise<void>

/**
 * To be called between the pieces of long work. The priority of this process says nothing of the
 * work that it has Postgres and the event store do; so it rests, ten times as long as it had to
 * wait for a CPU since it was last called. Where nobody else wants it, that is no time at all.
 */
export const restAfterWaiting = (
  niceness: number,
  stopping: AbortSignal,
  waitedMs = waitedSoFar,
): Rest => {
  if (niceness === 0) return () => Promise.resolve()
  let before = waitedMs()
  return async () => {
    const waited = waitedMs() - before
    before += waited
    const ms = Math.min(longestRestMs, restPerWait * waited)
    if (ms >= 1) await sleep(ms, undefined, { signal: stopping }).catch(() => {})
  }
}

/** How long this process has been ready to run and did not, so far; 0 where no system tells. */
const waitedSoFar = (): number => {
  try {
    const [, waitedNs] = readFileSync('/proc/self/schedstat', 'utf8').split(' ')
    return Number(waitedNs) / 1e6
  } catch {
    return 0
  }
}
