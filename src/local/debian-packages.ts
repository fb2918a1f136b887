import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const PROJECT_CACHE = fileURLToPath(new URL('../../../.daybook-cache', import.meta.url))

export interface Unpacking {
  readonly packages: readonly string[]
  /** Mends what only a proper installation would have set up. */
  readonly mend?: (root: string) => void
  readonly works: (root: string) => boolean
}

/**
 * Where packages are unpacked, for which nobody has to be root and nothing of the system changes:
 * a folder in which they work, else the first that can be made.
 * @param scratch a folder of ours, for when no cache folder can be written to
 */
export async function unpackedFromDebian(
  name: string,
  scratch: string,
  unpacking: Unpacking,
): Promise<string> {
  const caches = [userCache(), PROJECT_CACHE, resolve(scratch)].map((folder) =>
    join(folder, `${name}-debian-${process.arch}`),
  )
  const cached = caches.find(unpacking.works)
  if (cached) return cached
  const writable = caches.find(canMake)
  if (!writable) throw new Error(`neither ${caches.join(' nor ')} can be written to`)
  await unpackFromDebian(writable, unpacking)
  return writable
}

/** What unpacked programs find their libraries with. */
export function libraryPath(root: string): Readonly<Record<string, string>> {
  const libraries = join(root, 'usr', 'lib')
  const named = existsSync(libraries) ? readdirSync(libraries) : []
  const triplets = named.filter((name) => name.includes('-linux-gnu'))
  const path = [libraries, ...triplets.map((name) => join(libraries, name))].join(':')
  return { LD_LIBRARY_PATH: path }
}

function userCache(): string {
  return join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'daybook')
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
export async function unpackFromDebian(
  folder: string,
  { packages, mend, works }: Unpacking,
): Promise<void> {
  const work = mkdtempSync(`${folder}-`)
  const root = join(work, 'root')
  try {
    for (const archive of await fetchArchives(work, packages)) {
      await run('dpkg', ['--extract', archive, root])
    }
    mend?.(root)
    if (!works(root)) throw new Error('the unpacked program does not run here')
    // Somebody else may have been as quick; whatever does not run is left from another system.
    if (!works(folder)) {
      rmSync(folder, { recursive: true, force: true })
      renameSync(root, folder)
    }
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

async function fetchArchives(work: string, packages: readonly string[]): Promise<string[]> {
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
  await run('apt-get', [...options, 'install', ...only, ...packages])
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
