import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const PREFIX = 'daybook-test-'

let directory: string | undefined

/** A folder of this process's own, removed when it ends in whatever way but by SIGKILL. */
export function testDirectory(name: string): string {
  directory ??= makeDirectory()
  return mkdtempSync(join(directory, `${name}-`))
}

export function removeTestDirectory(): void {
  if (directory) rmSync(directory, { recursive: true, force: true, maxRetries: 5 })
}

function makeDirectory(): string {
  removeAbandoned()
  process.once('exit', removeTestDirectory)
  return mkdtempSync(join(tmpdir(), `${PREFIX}${process.pid}-`))
}

/** A run that was killed could not clean up after itself. */
function removeAbandoned(): void {
  const names = readdirSync(tmpdir()).filter((name) => name.startsWith(PREFIX))
  for (const name of names) {
    const pid = Number.parseInt(name.slice(PREFIX.length), 10)
    if (isAlive(pid)) continue
    try {
      rmSync(join(tmpdir(), name), { recursive: true, force: true })
    } catch {
      // Another user's, who will see to it.
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}
