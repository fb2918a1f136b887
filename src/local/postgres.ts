import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { type Child, type LocalServer, NotReady, spawnChild, untilReady } from './child.ts'
import { freePort } from './ports.mjs'
import { findPostgres, type PostgresBinaries } from './postgres-binaries.ts'
import {
  brokenData,
  clearLeftovers,
  createData,
  dataMajor,
  ownPassword,
} from './postgres-directory.ts'
import { asPostgresUser } from './postgres-user.ts'
import { SetupProblem } from './setup-problem.ts'

export interface PostgresOptions {
  /** Ours alone: it gets `data/`, `password` and, where needed, `lib/`. */
  readonly directory: string
  readonly logFile: string
  /** False for data that is thrown away: no fsync. */
  readonly durable: boolean
  readonly port?: number | undefined
  /** Gives up the start. */
  readonly signal?: AbortSignal
}

const DATABASE = 'daybook'
/** After a crash it replays what its log holds, which takes a while. */
const START_TIMEOUT_MS = 300_000
const STOP_GRACE_MS = 10_000

/**
 * Starts a Postgres on the loopback interface, making its data directory first if there is none.
 * Without a port a free one is taken. The caller sees to it that nobody else uses the directory.
 * @throws SetupProblem with what its user can do about it
 */
export async function startPostgres(options: PostgresOptions): Promise<LocalServer> {
  const { directory, logFile, durable } = options
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const existing = dataMajor(directory)
  const password = ownPassword(directory)
  const { prefix, binaries } = asPostgresUser(directory, findPostgres(directory, existing))
  await clearLeftovers(directory)
  if (existing === undefined) await createData(directory, prefix, binaries, { durable, logFile })
  for (let attempt = 1; ; attempt += 1) {
    const port = options.port ?? (await freePort())
    const child = spawnPostgres(prefix, binaries, port, options)
    const url = `postgres://daybook:${password}@127.0.0.1:${port}`
    try {
      const probe = () => accepts(`${url}/postgres`)
      await untilReady(child, probe, START_TIMEOUT_MS, options.signal)
      await createDatabase(`${url}/postgres`)
    } catch (error) {
      await child.stop(STOP_GRACE_MS)
      if (!(error instanceof NotReady) || options.signal?.aborted) throw error
      const portTaken = error.logLines.some((line) => line.includes('Address already in use'))
      if (portTaken && options.port === undefined && attempt < 5) continue
      throw portTaken || !error.ended ? error : cannotStart(directory, error)
    }
    return { url: `${url}/${DATABASE}`, port, child, stop: () => child.stop(STOP_GRACE_MS) }
  }
}

function spawnPostgres(
  prefix: readonly string[],
  binaries: PostgresBinaries,
  port: number,
  options: PostgresOptions,
): Child {
  const settings = { ...SETTINGS, ...(options.durable ? {} : THROW_AWAY), port }
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const data = join(options.directory, 'data')
  return spawnChild({
    name: 'postgres',
    command: [...prefix, join(binaries.directory, 'postgres'), '-D', data, ...flags],
    logFile: options.logFile,
    environment: binaries.environment,
    // A fast shutdown: sessions are ended, and everything they committed is on disk.
    stopSignal: 'SIGINT',
  })
}

/** For a machine of two cores that runs everything else as well. */
const SETTINGS = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: 200,
  shared_buffers: '256MB',
  effective_cache_size: '1GB',
  work_mem: '16MB',
  maintenance_work_mem: '128MB',
  random_page_cost: 1.1,
  jit: 'off',
  // Nothing replicates from here, so a table filled in the transaction that made it needs no WAL.
  wal_level: 'minimal',
  max_wal_senders: 0,
  max_logical_replication_workers: 0,
  max_wal_size: '2GB',
  checkpoint_timeout: '15min',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_checkpoints: 'off',
} as const

const THROW_AWAY = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  shared_buffers: '64MB',
} as const

async function accepts(connectionString: string): Promise<true | undefined> {
  const client = new pg.Client({ connectionString, connectionTimeoutMillis: 5000 })
  client.on('error', () => undefined)
  try {
    await client.connect()
    return true
  } catch (error) {
    // 28P01: the server is up and does not know our password, which no waiting changes.
    if (error instanceof pg.DatabaseError && error.code === '28P01') throw error
    return undefined
  } finally {
    await client.end().catch(() => undefined)
  }
}

async function createDatabase(connectionString: string): Promise<void> {
  const client = new pg.Client({ connectionString })
  await client.connect()
  try {
    const sql = 'select 1 from pg_database where datname = $1'
    const { rowCount } = await client.query(sql, [DATABASE])
    if (rowCount === 0) await client.query(`create database ${DATABASE}`)
  } finally {
    await client.end()
  }
}

function cannotStart(directory: string, error: NotReady): SetupProblem {
  const fatal = error.logLines.filter((line) => /FATAL|PANIC/.test(line)).at(-1)
  if (fatal?.includes('No space left on device')) {
    return new SetupProblem(`The disk that holds ${directory} is full. Free some space on it.`)
  }
  return brokenData(directory, fatal?.replace(/^.*?(FATAL|PANIC):\s*/, '') ?? error.message)
}
