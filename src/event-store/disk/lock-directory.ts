import { spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import { join } from 'node:path'
import { StoreError } from '../store-error.ts'

/**
 * Locks a directory against a second process and answers how to unlock it.
 *
 * Node has no flock(2), but util-linux has a program for it: the lock belongs to the open file that
 * parent and child share, so it outlives the child, ends with this process however that dies, and
 * holds across containers. Where there is no such program the pid in the file has to do.
 */
export function lockDirectory(directory: string): () => void {
  const path = join(directory, 'lock')
  const descriptor = fs.openSync(path, fs.constants.O_RDWR | fs.constants.O_CREAT, 0o600)
  try {
    const holder = fs.readFileSync(descriptor, 'utf8').trim()
    if (!tryLock(descriptor, holder)) {
      throw new StoreError(
        'locked',
        `${directory} is in use by process ${holder || 'unknown'}: stop it, or use another directory`,
      )
    }
    fs.ftruncateSync(descriptor)
    fs.writeSync(descriptor, `${process.pid}\n`, 0)
  } catch (error) {
    fs.closeSync(descriptor)
    throw error
  }
  return () => {
    fs.ftruncateSync(descriptor)
    fs.closeSync(descriptor)
  }
}

function tryLock(descriptor: number, holder: string): boolean {
  const flock = spawnSync('flock', ['--nonblock', '3'], {
    stdio: ['ignore', 'ignore', 'ignore', descriptor],
  })
  if (flock.error === undefined) return flock.status === 0
  return !isRunning(Number(holder))
}

function isRunning(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
