import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

const ticksPerSecond = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }))

type Times = { readonly parent: number; readonly seconds: number }

const read = (pid: string): Times | null => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number)
    const [, parent = 0] = fields
    const ticks = fields.slice(11, 15).reduce((sum, one) => sum + one, 0)
    return { parent, seconds: ticks / ticksPerSecond }
  } catch {
    return null // It has ended meanwhile.
  }
}

/** By a signal. */
export const isStopped = (pid: number): boolean =>
  /^State:\s+T/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))

/** CPU seconds that each process has taken so far, its children included. */
export const cpuSeconds = (pids: Readonly<Record<string, number>>): Record<string, number> => {
  const names = new Map(Object.entries(pids).map(([name, pid]) => [pid, name]))
  const sums: Record<string, number> = {}
  for (const pid of readdirSync('/proc')) {
    const times = /^\d+$/.test(pid) ? read(pid) : null
    const name = times && (names.get(Number(pid)) ?? names.get(times.parent))
    if (times && name) sums[name] = (sums[name] ?? 0) + times.seconds
  }
  return sums
}

/** Cores in use between two of those, by process. */
export const coresBetween = (
  before: Readonly<Record<string, number>>,
  after: Readonly<Record<string, number>>,
  seconds: number,
): Record<string, number> =>
  Object.fromEntries(
    Object.entries(after)
      .map(([name, total]) => [name, (total - (before[name] ?? 0)) / seconds] as const)
      .filter(([, cores]) => cores >= 0.01),
  )
