import { spawnSync } from 'node:child_process'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { leash } from './leash.mjs'
import type { PostgresBinaries } from './postgres-binaries.ts'
import { SetupProblem } from './setup-problem.ts'

const NOBODY = '65534'

/**
 * A command prefix under which Postgres runs, with the death signal already set. Postgres refuses to
 * be root, so root needs a detour; everybody else does not.
 */
export function asPostgresUser(directory: string, binaries: PostgresBinaries): readonly string[] {
  if (process.getuid?.() !== 0) return leash('INT')
  const owner = String(statSync(directory).uid)
  const ways = owner === '0' ? [inNamespace()] : [asUser(owner)]
  const way = ways.find((prefix) => canRun(prefix, directory, binaries))
  if (way) return way
  throw new SetupProblem(
    'Postgres does not run as root, and this machine lets root neither make a user namespace nor ' +
      `become another user who can enter ${directory}.\n` +
      'Run Daybook as an ordinary user, or name a running Postgres: DATABASE_URL=postgres://... ' +
      'npm start',
  )
}

/**
 * Root by another name: in a namespace of its own the process has an ordinary user's id, and still
 * owns root's files, wherever they are. The death signal comes last, since a change of user clears it.
 */
function inNamespace(): readonly string[] {
  const map = [`--map-user=${NOBODY}`, `--map-group=${NOBODY}`]
  return ['unshare', '--user', ...map, ...leash('INT')]
}

/** The data belongs to an ordinary user already. */
function asUser(uid: string): readonly string[] {
  return ['setpriv', '--reuid', uid, '--regid', uid, '--clear-groups', ...leash('INT')]
}

function canRun(prefix: readonly string[], directory: string, binaries: PostgresBinaries): boolean {
  const [program = '', ...args] = prefix
  const tried = spawnSync(program, [...args, join(binaries.directory, 'postgres'), '--version'], {
    cwd: directory,
    env: { ...process.env, ...binaries.environment },
  })
  return tried.status === 0
}
