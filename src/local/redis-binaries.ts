import { spawn, spawnSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { SetupProblem } from './setup-problem.ts'

export interface RedisBinary {
  readonly program: string
  readonly environment: Readonly<Record<string, string>>
}

const PROJECT_CACHE = fileURLToPath(new URL('../../../.daybook-cache', import.meta.url))
const OLDEST = [6, 2] as const

let found: Promise<RedisBinary> | undefined

/**
 * The Redis to use: from PATH (or its heir Valkey), else unpacked from Debian's packages, for which
 * nobody has to be root and nothing of the system changes.
 * @param scratch a folder of ours, for when no cache folder can be written to
 */
export async function findRedis(scratch: string): Promise<RedisBinary> {
  found ??= searchRedis(scratch)
  try {
    return await found
  } catch (error) {
    found = undefined
    throw error
  }
}

async function searchRedis(scratch: string): Promise<RedisBinary> {
  for (const program of ['redis-server', 'valkey-server']) {
    const binary = { program, environment: {} }
    if (runs(binary)) return binary
  }
  const caches = [userCache(), PROJECT_CACHE, resolve(scratch)].map((folder) =>
    join(folder, cacheName()),
  )
  const cached = caches.map(unpacked).find(runs)
  if (cached) return cached
  const writable = caches.find(canMake)
  try {
    if (!writable) throw new Error(`neither ${caches.join(' nor ')} can be written to`)
    return await unpackFromDebian(writable)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new SetupProblem(
      `There is no Redis on this machine, and none could be fetched from Debian: ${why}.\n` +
        'Do one of these, then start again:\n' +
        '    sudo apt-get install redis-server      (on a Mac: brew install redis)\n' +
        '    export REDIS_QUEUE_URL=redis://... REDIS_CACHE_URL=redis://...   (running ones)',
    )
  }
}

/** Whether it can be started, and knows the commands that the queue needs. */
function runs(binary: RedisBinary): boolean {
  const { stdout } = spawnSync(binary.program, ['--version'], {
    encoding: 'utf8',
    env: { ...process.env, ...binary.environment },
  })
  const version = /v=(\d+)\.(\d+)/.exec(stdout ?? '')
  if (!version) return false
  const [major, minor] = [Number(version[1]), Number(version[2])]
  return major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])
}

function userCache(): string {
  return join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'daybook')
}

function cacheName(): string {
  return `redis-debian-${process.arch}`
}

function unpacked(folder: string): RedisBinary {
  const libraries = join(folder, 'usr', 'lib')
  const named = existsSync(libraries) ? readdirSync(libraries) : []
  const triplets = named.filter((name) => name.includes('-linux-gnu'))
  const path = [libraries, ...triplets.map((name) => join(libraries, name))].join(':')
  const program = join(folder, 'usr', 'bin', 'redis-server')
  return { program, environment: { LD_LIBRARY_PATH: path } }
}

function canMake(folder: string): boolean {
  try {
    mkdirSync(join(folder, '..'), { recursive: true })
    rmSync(mkdtempSync(`${folder}-`), { recursive: true })
    return true
  } catch {
    return false
  }
}

/**
 * Lets apt work out and fetch what is missing, with lists and archives in a folder of its own, and
 * unpacks that into `folder`.
 */
export async function unpackFromDebian(folder: string): Promise<RedisBinary> {
  const work = mkdtempSync(`${folder}-`)
  const root = join(work, 'root')
  try {
    for (const archive of await fetchArchives(work)) {
      await run('dpkg', ['--extract', archive, root])
    }
    // One program under several names; the package with the server's name only adds a daemon.
    const server = join(root, 'usr', 'bin', 'redis-server')
    if (!existsSync(server)) symlinkSync('redis-check-rdb', server)
    if (!runs(unpacked(root))) throw new Error('the unpacked program does not run here')
    // Somebody else may have been as quick; whatever does not run is left from another system.
    if (!runs(unpacked(folder))) {
      rmSync(folder, { recursive: true, force: true })
      renameSync(root, folder)
    }
    return unpacked(folder)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

async function fetchArchives(work: string): Promise<string[]> {
  const archives = join(work, 'cache', 'archives')
  for (const part of [join(work, 'lists', 'partial'), join(archives, 'partial')]) {
    mkdirSync(part, { recursive: true })
  }
  const places = [`Dir::State::Lists=${work}/lists`, `Dir::Cache=${work}/cache`]
  const limits = ['Acquire::Retries=2', 'Acquire::http::Timeout=20']
  const settings = [...places, ...limits, 'APT::Sandbox::User=', 'Debug::NoLocking=1']
  const options = ['-qq', ...settings.flatMap((setting) => ['-o', setting])]
  await run('apt-get', [...options, 'update'])
  const only = ['--download-only', '--reinstall', '--no-install-recommends', '--yes']
  await run('apt-get', [...options, 'install', ...only, 'redis-tools'])
  return readdirSync(archives)
    .filter((name) => name.endsWith('.deb'))
    .map((name) => join(archives, name))
}

function run(program: string, args: readonly string[]): Promise<void> {
  return new Promise((resolvePromise, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] })
    let errors = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      errors += text
    })
    child.once('error', () => reject(new Error(`there is no ${program} here`)))
    child.once('exit', (code) => {
      if (code === 0) resolvePromise()
      else reject(new Error(`${program} says ${errors.trim().split('\n').at(-1)}`))
    })
  })
}
