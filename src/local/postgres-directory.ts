import { randomBytes } from 'node:crypto'
import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { basename, join } from 'node:path'
import { spawnChild } from './child.ts'
import { endLeftovers } from './leftovers.ts'
import type { PostgresBinaries } from './postgres-binaries.ts'
import { SetupProblem } from './setup-problem.ts'

const HALF_MADE = 'data.new'

/** The version that made the data, undefined before there is any. */
export function dataMajor(directory: string): number | undefined {
  const data = join(directory, 'data')
  if (!existsSync(data)) return undefined
  const version = Number(readTextIfThere(join(data, 'PG_VERSION')))
  if (version > 0) return version
  throw brokenData(directory, `${join(data, 'PG_VERSION')} is missing or unreadable.`)
}

/**
 * Makes the data directory, in one step: what initdb leaves unfinished keeps another name and is
 * thrown away by the next start.
 */
export async function createData(
  directory: string,
  prefix: readonly string[],
  binaries: PostgresBinaries,
  options: { readonly durable: boolean; readonly logFile: string },
): Promise<void> {
  const halfMade = join(directory, HALF_MADE)
  rmSync(halfMade, { recursive: true, force: true })
  const command = [...prefix, join(binaries.directory, 'initdb'), `--pgdata=${halfMade}`]
  command.push('--username=daybook', '--auth=scram-sha-256', '--encoding=UTF8')
  command.push(`--pwfile=${join(directory, 'password')}`)
  command.push(`--locale=${process.platform === 'linux' ? 'C.UTF-8' : 'C'}`)
  if (!options.durable) command.push('--no-sync')
  const { logFile } = options
  const initdb = spawnChild({ name: 'initdb', command, logFile, environment: binaries.environment })
  const ended = await initdb.exited
  if (initdb.process.exitCode !== 0) {
    throw new SetupProblem(
      `Postgres could not make its data directory below ${directory}: initdb ${ended}.\n` +
        `${initdb.logTail().join('\n')}\n` +
        'Free some space there, or choose another folder: DAYBOOK_DIRECTORY=... npm start',
    )
  }
  renameSync(halfMade, join(directory, 'data'))
  syncFolder(directory)
}

/** The password of the database's owner, made on first use: other users of the machine need it. */
export function ownPassword(directory: string): string {
  const file = join(directory, 'password')
  const known = readTextIfThere(file)
  if (known) return known
  if (existsSync(join(directory, 'data'))) {
    throw brokenData(directory, `${file}, which holds its password, is missing.`)
  }
  const password = randomBytes(24).toString('hex')
  writeFileSync(`${file}.new`, password, { mode: 0o600 })
  renameSync(`${file}.new`, file)
  return password
}

/**
 * Ends what a killed Postgres left behind: a server whose parent was killed, or the backends of a
 * killed server. The caller holds the lock of the folder.
 */
export async function clearLeftovers(directory: string): Promise<void> {
  const data = join(directory, 'data')
  const pidFile = join(data, 'postmaster.pid')
  const server = Number.parseInt(readTextIfThere(pidFile) ?? '', 10)
  await endLeftovers(data, ['postgres'], (pid) => (pid === server ? 'SIGINT' : 'SIGQUIT'))
  // The number in a stale file may belong to some other program by now, which would stop Postgres.
  if (process.platform === 'linux') rmSync(pidFile, { force: true })
}

export function brokenData(directory: string, what: string): SetupProblem {
  const data = join(directory, 'data')
  return new SetupProblem(
    `The Postgres data directory ${data} cannot be used: ${what}\n` +
      'Nothing was changed. Bring the folder back from a backup; or move it away\n' +
      `    mv ${directory} ${join(directory, '..', `${basename(directory)}.broken`)}\n` +
      'and start again: the books are not in it, they are read anew from the event store.',
  )
}

function readTextIfThere(file: string): string | undefined {
  return existsSync(file) ? readFileSync(file, 'utf8').trim() : undefined
}

function syncFolder(directory: string): void {
  const folder = openSync(directory, 'r')
  fsyncSync(folder)
  closeSync(folder)
}
