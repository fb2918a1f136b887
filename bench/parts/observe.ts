import { writeFileSync } from 'node:fs'
import { coresBetween, cpuSeconds, isStopped } from './cpu.ts'
import { profileName } from './profile-name.ts'
import type { Stack } from './stack.ts'

/** The processes to look at while something runs. */
export type Observed = {
  readonly pids: Readonly<Record<string, number>>
  /** Which of them write a profile of that time. */
  readonly profiled: readonly number[]
}

/** Cores in use, by process. */
export type Cores = Readonly<Record<string, number>>

const services = new Set(['postgres', 'queue', 'cache'])

/** All of a stack's processes. `profile` names the profiles that are wanted, if any are. */
export const observed = (stack: Stack, profile: string | null): Observed => {
  const pids = Object.entries(stack.servers).map(([name, { child }]) => [name, child.pid] as const)
  if (profile === null || stack.profiles === null) {
    return { pids: Object.fromEntries(pids), profiled: [] }
  }
  writeFileSync(profileName(stack.profiles), profile.replace(/[^\w ]+/g, ''))
  // One that is stopped would take the two signals as one, later.
  const profiled = pids
    .filter(([name, pid]) => !services.has(name) && !isStopped(pid))
    .map(([, pid]) => pid)
  return { pids: Object.fromEntries(pids), profiled }
}

/** What each process took while some work was done, and how long that was in seconds. */
export const observe = async <Result>(
  { pids, profiled }: Observed,
  work: () => Promise<Result>,
): Promise<{ result: Result; seconds: number; cores: Cores }> => {
  const toggle = () => {
    for (const pid of profiled) process.kill(pid, 'SIGUSR2')
  }
  toggle()
  const before = cpuSeconds(pids)
  const start = performance.now()
  const result = await work()
  const seconds = (performance.now() - start) / 1000
  const cores = coresBetween(before, cpuSeconds(pids), seconds)
  toggle()
  return { result, seconds, cores }
}
