import { spawnSync } from 'node:child_process'
import { existsSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { libraryPath, type Unpacking, unpackedFromDebian } from './debian-packages.ts'
import { SetupProblem } from './setup-problem.ts'

export interface RedisBinary {
  readonly program: string
  readonly environment: Readonly<Record<string, string>>
}

const OLDEST = [6, 2] as const

let found: Promise<RedisBinary> | undefined

/**
 * The Redis to use: from PATH (or its heir Valkey), else unpacked from Debian's packages.
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
  try {
    return unpacked(await unpackedFromDebian('redis', scratch, redisUnpacking))
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

export const redisUnpacking: Unpacking = {
  packages: ['redis-tools'],
  // One program under several names; the package with the server's name only adds a daemon.
  mend: (root) => {
    const server = join(root, 'usr', 'bin', 'redis-server')
    if (!existsSync(server)) symlinkSync('redis-check-rdb', server)
  },
  works: (root) => runs(unpacked(root)),
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

function unpacked(root: string): RedisBinary {
  const program = join(root, 'usr', 'bin', 'redis-server')
  return { program, environment: libraryPath(root) }
}
