import { existsSync, readdirSync, readFileSync, readlinkSync, realpathSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

const GRACE_MS = 10_000

/**
 * Ends the servers that a killed Daybook left on a folder: those of these names that have it as
 * working directory, as Postgres and Redis do. The caller holds the lock of the data folder, so
 * nobody else's work is at stake. Only Linux can tell; elsewhere nothing is done.
 */
export async function endLeftovers(
  directory: string,
  names: readonly string[],
  signalFor: (pid: number) => NodeJS.Signals,
): Promise<void> {
  if (process.platform !== 'linux' || !existsSync(directory)) return
  const place = realpathSync(directory)
  for (const pid of processesIn(place, names)) send(pid, signalFor(pid))
  const deadline = performance.now() + GRACE_MS
  while (processesIn(place, names).length > 0 && performance.now() < deadline) await sleep(50)
  for (const pid of processesIn(place, names)) send(pid, 'SIGKILL')
}

function processesIn(place: string, names: readonly string[]): number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return pids.map(Number).filter((pid) => {
    try {
      const name = readFileSync(`/proc/${pid}/comm`, 'utf8').trim()
      return names.includes(name) && readlinkSync(`/proc/${pid}/cwd`) === place
    } catch {
      return false
    }
  })
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // It ended in the meantime.
  }
}
