import { EventEmitter } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { Rejected, reject } from '../domain/rejection.ts'

const types = new pg.TypeOverrides()
types.setTypeParser(pg.types.builtins.INT8, Number)
/** Of an instant to the millisecond, as most are: it need not be looked through. */
const usualLength = '2024-02-29 12:00:00.123+00'.length
// 2024-02-29 12:00:00.5+00 -> 2024-02-29T12:00:00.500Z, so that text order is the order of time.
types.setTypeParser(pg.types.builtins.TIMESTAMPTZ, (text) => {
  const isUsual = text.length === usualLength
  const fraction = isUsual ? text.slice(20, 23) : text.slice(20, -3).padEnd(3, '0')
  return `${text.slice(0, 10)}T${text.slice(11, 19)}.${fraction}Z`
})

export type Database = pg.Pool

type Options = {
  readonly max: number
  /** How long one statement may take. The server ends it then; half a second later we do. */
  readonly statementMs: number
  readonly onError: (error: Error) => void
}

/**
 * A network that swallows everything leaves sessions behind of which the server is never told. Each
 * would count as a connection for hours, until the server has none left; the pool itself keeps
 * nothing idle for longer than ten seconds.
 */
const sessionSettings = new Map([
  ['timezone', 'UTC'],
  ['datestyle', 'ISO'],
  ['idle_session_timeout', '30s'],
  ['tcp_keepalives_idle', '10'],
  ['tcp_keepalives_interval', '5'],
  ['tcp_keepalives_count', '3'],
])

/** Limits on everything: a database that hangs must cost an error, not the process. */
export const connectPostgres = (url: string, { max, statementMs, onError }: Options): Database => {
  const pool = new pg.Pool({
    connectionString: url,
    max,
    types,
    application_name: 'daybook',
    connectionTimeoutMillis: 3_000,
    statement_timeout: statementMs,
    query_timeout: statementMs + 500,
    lock_timeout: Math.min(5_000, statementMs),
    // A process that was cut off in the middle of a transaction must not keep its locks.
    idle_in_transaction_session_timeout: 5_000,
    keepAlive: true,
    options: [...sessionSettings].map(([name, value]) => `-c ${name}=${value}`).join(' '),
  })
  // Without these listeners the end of a connection, idle or in use, ends the process.
  pool.on('error', onError)
  pool.on('connect', (client) => client.on('error', () => {}))
  dropMute(pool)
  return pool
}

const isMute = (error: unknown): boolean =>
  error instanceof Error && error.message === 'Query read timeout'

/**
 * A server that can be reached ends a statement that takes too long. Where not even that comes, the
 * connection leads nowhere: it is dropped, and with it those that lie idle, which would each cost a
 * request the same wait.
 */
const dropMute = (pool: pg.Pool): void => {
  const idle = new Set<pg.PoolClient>()
  pool.on('acquire', (client) => idle.delete(client))
  pool.on('remove', (client) => idle.delete(client as pg.PoolClient))
  pool.on('release', (error, client) => {
    if (!error) idle.add(client)
  })
  pool.on('connect', (client) => {
    const query = client.query.bind(client) as (...args: unknown[]) => unknown
    const drop = (error: unknown) => {
      if (!isMute(error)) return
      for (const mute of [client, ...idle]) destroy(mute)
    }
    const watched = (...args: unknown[]) => {
      const callback = args.at(-1)
      if (typeof callback === 'function') {
        args[args.length - 1] = (error: unknown, result: unknown) => {
          drop(error)
          callback(error, result)
        }
        return query(...args)
      }
      const result = query(...args)
      // A COPY: its limit is that of any statement, told by an event.
      if (result instanceof EventEmitter) return result.on('error', drop)
      if (!(result instanceof Promise)) return result
      return result.catch((error: unknown) => {
        drop(error)
        throw error
      })
    }
    client.query = watched as typeof client.query
  })
}

const destroy = (client: pg.ClientBase): void => {
  const { connection } = client as unknown as { connection: { stream: { destroy: () => void } } }
  connection.stream.destroy()
}

/** Runs in one transaction; whatever is thrown rolls it back and is thrown on. */
export const inTransaction = async <Result>(
  pool: Database,
  /** `begin`, with whatever is to be said before anything else. */
  begin: string,
  run: (client: pg.PoolClient) => Promise<Result>,
): Promise<Result> => {
  const client = await pool.connect()
  try {
    await client.query(begin)
    const result = await run(client)
    await client.query('commit')
    client.release()
    return result
  } catch (error) {
    try {
      await client.query('rollback')
      client.release()
    } catch (broken) {
      client.release(broken as Error)
    }
    throw error
  }
}

const unavailable = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  '57P01', // admin_shutdown
  '57P02', // crash_shutdown
  '57P03', // cannot_connect_now
  '53300', // too_many_connections
  '55P03', // lock_not_available
  '57014', // query_canceled, which is a timeout
  '25P03', // idle_in_transaction_session_timeout
  '57P05', // idle_session_timeout
])

/** Whether the database could not be reached or went away, so that trying again makes sense. */
export const isUnavailable = (error: unknown): boolean => {
  const { code, message } = error as { code?: string; message?: string }
  if (code !== undefined && (unavailable.has(code) || code.startsWith('08'))) return true
  return /terminated|timeout exceeded|Query read timeout|not queryable|in recovery/.test(
    message ?? '',
  )
}

/** A request is answered within ten seconds, whatever becomes of its statements. */
const answerMs = 8_500

/** What the work gives; a database that is away or too slow becomes a refusal that says so. */
export const orUnavailable = <Result>(work: Promise<Result>): Promise<Result> =>
  new Promise((resolve, rejectWith) => {
    const refuse = () =>
      rejectWith(
        new Rejected(reject('store_unavailable', 'The read model cannot be reached. Try again.')),
      )
    const timer = setTimeout(refuse, answerMs)
    void work
      .then(resolve, (error: Error) => (isUnavailable(error) ? refuse() : rejectWith(error)))
      .finally(() => clearTimeout(timer))
  })

/** The same, whenever it is asked for. */
export const available =
  <Given extends unknown[], Result>(work: (...given: Given) => Promise<Result>) =>
  (...given: Given): Promise<Result> =>
    orUnavailable(work(...given))

const longestPauseMs = 1_000

/** Tries until the database is there: it may come up later than we do, or be away just now. */
export const untilAvailable = async <Result>(
  work: () => Promise<Result>,
  onWait: (error: Error) => void,
): Promise<Result> => {
  for (let pauseMs = 50; ; pauseMs = Math.min(longestPauseMs, pauseMs * 2)) {
    try {
      return await work()
    } catch (error) {
      if (!isUnavailable(error)) throw error
      onWait(error as Error)
    }
    await sleep(pauseMs)
  }
}

/** Whether the database took offence at the data (SQLSTATE classes 22 and 23), and ever will. */
export const isRefusedData = (error: unknown): boolean =>
  /^2[23]...$/.test(String((error as { code?: unknown } | null)?.code))
