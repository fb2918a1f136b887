import { copyFileSync, mkdirSync, openSync, readFileSync, statSync, truncateSync } from 'node:fs'
import { dirname } from 'node:path'

const MAX_BYTES = 16 * 1024 * 1024

/** Opens a log for appending, for a child process to write to. */
export function openLog(file: string): number {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  boundLog(file)
  return openSync(file, 'a', 0o600)
}

/**
 * Moves a log that has grown too long aside, into `FILE.1`. The file itself is cut, not renamed:
 * its writers hold it open, and append to wherever its end is.
 */
export function boundLog(file: string): void {
  if (logSize(file) <= MAX_BYTES) return
  copyFileSync(file, `${file}.1`)
  truncateSync(file)
}

export function logSize(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0
}

/** The last lines written since the log had `from` bytes. */
export function logTail(file: string, from: number, lines = 8): string[] {
  if (logSize(file) === 0) return []
  const text = readFileSync(file).subarray(from).toString('utf8').trimEnd()
  return text.split('\n').slice(-lines)
}
