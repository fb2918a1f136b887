import assert from 'node:assert/strict'
import pg from 'pg'
import { ledger } from '../../src/projections/ledger/ledger.ts'
import { untyped } from '../../src/projections/projection.ts'
import { createWhole } from '../../src/runtime/projections/schema.ts'
import { freshDatabase } from '../support/services.ts'

describe('a database whose locale has an order of its own', () => {
  let client: pg.Client

  before(async () => {
    client = new pg.Client({ connectionString: await freshDatabase('en') })
    await client.connect()
  })
  after(() => client?.end())

  it('sorts the text of projections by its bytes', async () => {
    const words = `unnest('{a,B,Z,z,é,aa}'::text[]) as word`
    const { rows: other } = await client.query(`select word from ${words} order by word`)
    assert.equal(other.map(({ word }) => word).join(' '), 'a aa B é z Z')

    for (const statement of createWhole('one', untyped(ledger))) await client.query(statement)
    await client.query(`create table one.sorted as
      select code from one.account where false`)
    await client.query(`insert into one.sorted select word from ${words}`)
    const { rows } = await client.query('select code from one.sorted order by code')
    assert.equal(rows.map(({ code }) => code).join(' '), 'B Z a aa z é')
  })
})
