import assert from 'node:assert/strict'
import { connectPostgres } from '../../src/runtime/postgres.ts'
import { freshDatabase } from '../support/services.ts'

describe('a connection to Postgres', function () {
  this.timeout(30_000)

  it('tells the server to end it where nobody will: idle, cut off, or in a transaction', async () => {
    const db = connectPostgres(await freshDatabase(), {
      max: 1,
      statementMs: 1_000,
      onError: () => {},
    })
    const { rows } = await db.query(
      `select name, setting || coalesce(unit, '') as value from pg_settings
       where name ~ 'idle|statement_timeout' and name !~ 'replication|interval_|max_slot' order by name`,
    )
    await db.end()
    assert.deepEqual(Object.fromEntries(rows.map(({ name, value }) => [name, value])), {
      idle_in_transaction_session_timeout: '5000ms',
      // The pool itself ends what is idle for 10 s.
      idle_session_timeout: '30000ms',
      statement_timeout: '1000ms',
      tcp_keepalives_idle: '10s',
    })
  })
})
