import pg from 'pg'

const types = new pg.TypeOverrides()
types.setTypeParser(pg.types.builtins.INT8, Number)
// 2024-02-29 12:00:00.5+00 -> 2024-02-29T12:00:00.500Z, so that text order is the order of time.
types.setTypeParser(pg.types.builtins.TIMESTAMPTZ, (text) => {
  const [whole = '', fraction = ''] = text.slice(0, -3).split('.')
  return `${whole.replace(' ', 'T')}.${fraction.padEnd(3, '0')}Z`
})

export type Database = pg.Pool

/** Limits on everything: a database that hangs must cost an error, not the process. */
export const connectPostgres = (
  url: string,
  { max, onError }: { max: number; onError: (error: Error) => void },
): Database => {
  const pool = new pg.Pool({
    connectionString: url,
    max,
    types,
    application_name: 'daybook',
    connectionTimeoutMillis: 5_000,
    query_timeout: 30_000,
    statement_timeout: 25_000,
    lock_timeout: 10_000,
    idle_in_transaction_session_timeout: 30_000,
    keepAlive: true,
    options: '-c timezone=UTC -c datestyle=ISO',
  })
  // Without a listener the end of an idle connection ends the process.
  pool.on('error', onError)
  return pool
}

/** Runs in one transaction; whatever is thrown rolls it back and is thrown on. */
export const inTransaction = async <Result>(
  pool: Database,
  begin: 'begin' | 'begin isolation level repeatable read read only',
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
  '57P01', // admin_shutdown
  '57P02', // crash_shutdown
  '57P03', // cannot_connect_now
  '53300', // too_many_connections
])

/** Whether the database could not be reached or went away, so that trying again makes sense. */
export const isUnavailable = (error: unknown): boolean => {
  const { code, message } = error as { code?: string; message?: string }
  if (code !== undefined && (unavailable.has(code) || code.startsWith('08'))) return true
  return /terminated|timeout exceeded|Query read timeout|not queryable/.test(message ?? '')
}

/** Whether the database took offence at the data (SQLSTATE classes 22 and 23), and ever will. */
export const isRefusedData = (error: unknown): boolean =>
  /^2[23]...$/.test(String((error as { code?: unknown } | null)?.code))
