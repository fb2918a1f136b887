import assert from 'node:assert/strict'
import { finished } from 'node:stream/promises'
import { from as copyFrom } from 'pg-copy-streams'
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

  it('is dropped when a COPY is as mute as any statement may be, and the next one works', async () => {
    const db = connectPostgres(await freshDatabase(), {
      max: 1,
      statementMs: 100,
      onError: () => {},
    })
    await db.query('create table line (text text)')
    const client = await db.connect()
    const copy = client.query(copyFrom('copy line from stdin'))
    await assert.rejects(finished(copy), /Query read timeout/)
    await assert.rejects(client.query('rollback'), /terminated|not queryable/)
    client.release(true)
    assert.equal((await db.query('select from line')).rowCount, 0)
    await db.end()
  })
})
