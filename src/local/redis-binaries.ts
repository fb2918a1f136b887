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
import { SetupProblem } from './setup-problem.ts'

export interface RedisBinary {
  readonly program: string
  readonly environment: Readonly<Record<string, string>>
}

const OLDEST = [6, 2] as const

let found: Promise<RedisBinary> | undefined

/**
 * The Redis to use: from PATH (or its heir Valkey), else unpacked from Debian's packages, for which
 * nobody has to be root and nothing of the system changes.
 * @param scratch a folder of ours, for when the user's cache folder cannot be written to
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
  const caches = [cacheFolder(), resolve(scratch)].map((folder) => join(folder, cacheName()))
  const cached = caches.map(unpacked).find(runs)
  if (cached) return cached
  const writable = caches.find(canMake)
  const failure = writable ? await unpackFromDebian(writable) : 'no folder can be written to'
  const binary = writable && unpacked(writable)
  if (binary && runs(binary)) return binary
  throw new SetupProblem(
    `There is no Redis on this machine, and none could be fetched from Debian: ${failure}.\n` +
      'Do one of these, then start again:\n' +
      '    sudo apt-get install redis-server      (on a Mac: brew install redis)\n' +
      '    export REDIS_QUEUE_URL=redis://... REDIS_CACHE_URL=redis://...   (running ones)',
  )
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

function cacheFolder(): string {
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
 * unpacks it. Answers what went wrong, or nothing.
 */
export async function unpackFromDebian(folder: string): Promise<string | undefined> {
  const work = mkdtempSync(`${folder}-`)
  try {
    for (const part of ['lists/partial', 'cache/archives/partial', 'root']) {
      mkdirSync(join(work, part), { recursive: true })
    }
    const places = [`Dir::State::Lists=${work}/lists`, `Dir::Cache=${work}/cache`]
    const settings = [...places, 'APT::Sandbox::User=', 'Debug::NoLocking=1']
    const options = settings.flatMap((setting) => ['-o', setting])
    await run('apt-get', [...options, '-qq', 'update'])
    const only = ['--download-only', '--reinstall', '--no-install-recommends', '--yes']
    await run('apt-get', [...options, '-qq', 'install', ...only, 'redis-tools'])
    const archives = join(work, 'cache', 'archives')
    for (const name of readdirSync(archives).filter((file) => file.endsWith('.deb'))) {
      await run('dpkg', ['--extract', join(archives, name), join(work, 'root')])
    }
    // One program under several names; the package with the server's name only adds a daemon.
    const server = join(work, 'root', 'usr', 'bin', 'redis-server')
    if (!existsSync(server)) symlinkSync('redis-check-rdb', server)
    if (!runs(unpacked(join(work, 'root')))) return 'the unpacked program does not run here'
    if (!runs(unpacked(folder))) rmSync(folder, { recursive: true, force: true })
    renameSync(join(work, 'root'), folder)
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
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
      else reject(new Error(`${program} failed: ${errors.trim().split('\n').at(-1)}`))
    })
  })
}
