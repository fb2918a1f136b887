import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chownSync,
  cpSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs'
import { userInfo } from 'node:os'
import { dirname, join } from 'node:path'
import { leash } from './leash.mjs'
import type { PostgresBinaries } from './postgres-binaries.ts'
import { SetupProblem } from './setup-problem.ts'

export interface PostgresRunner {
  /** Goes before the program; it has set the signal for the death of the parent already. */
  readonly prefix: readonly string[]
  readonly binaries: PostgresBinaries
}

const NOBODY = 65534

/**
 * How to run Postgres on a folder of ours. It refuses to be root, or a user that the system has no
 * name for (as in containers): these need a detour.
 */
export function asPostgresUser(directory: string, binaries: PostgresBinaries): PostgresRunner {
  const self = process.getuid?.()
  if (self !== 0 && hasName()) return { prefix: leash('INT'), binaries }
  const owner = statSync(directory).uid
  if (owner === self && succeeds([...NAMESPACE, 'true'])) {
    return { prefix: [...NAMESPACE, ...leash('INT')], binaries }
  }
  if (self !== 0) throw new SetupProblem(NAMELESS)
  const uid = owner === 0 ? NOBODY : owner
  handOver(directory, uid)
  for (const prefix of [overridingUser(uid), ordinaryUser(uid)]) {
    if (canUse(prefix, directory, binaries)) return { prefix, binaries }
    const copied = copyOf(binaries)
    if (canUse(prefix, directory, copied)) return { prefix, binaries: copied }
  }
  throw new SetupProblem(
    'Postgres does not run as root, and this machine lets root neither make a user namespace nor ' +
      `become a user who can enter ${directory}.\n` +
      'Run Daybook as an ordinary user, or name a running Postgres: DATABASE_URL=postgres://... ' +
      'npm start',
  )
}

const NAMELESS =
  `Postgres needs a user that the system has a name for; ${process.getuid?.()} has none.\n` +
  'Run Daybook as a user of this machine (see /etc/passwd), or name a running Postgres: ' +
  'DATABASE_URL=postgres://... npm start'

/**
 * The same user by another name: in a namespace of its own a process has an ordinary user's id, and
 * still owns its files, wherever they are.
 */
const NAMESPACE = ['unshare', '--user', `--map-user=${NOBODY}`, `--map-group=${NOBODY}`] as const

function ordinaryUser(uid: number): readonly string[] {
  return ['setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups', '--pdeathsig=INT']
}

/** For containers that allow no namespaces: another user, who can yet enter root's own folders. */
function overridingUser(uid: number): readonly string[] {
  const capability = ['--inh-caps=+dac_override', '--ambient-caps=+dac_override']
  return [...ordinaryUser(uid), ...capability]
}

/** Postgres asks access(2) about its programs, which ignores what the user may override. */
function canUse(prefix: readonly string[], directory: string, binaries: PostgresBinaries): boolean {
  const code = `fs.accessSync(process.argv[1], fs.constants.X_OK); fs.readdirSync(process.argv[2])`
  const program = join(binaries.directory, 'postgres')
  return succeeds([...prefix, process.execPath, '--eval', code, program, directory])
}

/** The programs again, where every user can run them; made once for each place they come from. */
function copyOf(binaries: PostgresBinaries): PostgresBinaries {
  const source = dirname(binaries.directory)
  const digest = createHash('sha256').update(source).digest('hex').slice(0, 12)
  const place = `/var/tmp/daybook-postgres-${binaries.major}-${digest}`
  const copied = { ...binaries, directory: join(place, 'bin') }
  // Everybody can write to /var/tmp, and root must not run what somebody else has put there.
  if (lstatSync(place, { throwIfNoEntry: false })?.uid === 0) return copied
  rmSync(place, { recursive: true, force: true })
  const unfinished = mkdtempSync(`${place}-`)
  cpSync(source, join(unfinished, 'native'), { recursive: true, verbatimSymlinks: true })
  renameSync(join(unfinished, 'native'), place)
  rmSync(unfinished, { recursive: true })
  return copied
}

function hasName(): boolean {
  try {
    return userInfo().username !== ''
  } catch {
    return false
  }
}

function handOver(path: string, uid: number): void {
  chownSync(path, uid, uid)
  for (const entry of readdirSync(path, { recursive: true, withFileTypes: true })) {
    if (!entry.isSymbolicLink()) chownSync(join(entry.parentPath, entry.name), uid, uid)
  }
}

function succeeds(command: readonly string[]): boolean {
  const [program = '', ...args] = command
  return spawnSync(program, args).status === 0
}
