import assert from 'node:assert/strict'
import pg from 'pg'
import type { Projection } from '../../src/projections/projection.ts'
import { is, type Table } from '../../src/projections/table.ts'
import { constraintsOf, createIndexes, createTables } from '../../src/runtime/projections/schema.ts'
import { services } from '../support/services.ts'

const schema = 'foreign_keys'
const parent: Table = {
  columns: { id: is('int4') },
  primaryKey: ['id'],
  indexes: [],
  foreignKeys: {},
}
const checked: Table = {
  columns: { id: is('int4'), parent_id: is('int4') },
  primaryKey: ['id'],
  indexes: [],
  foreignKeys: { parent_id: 'parent' },
}
const projection = {
  name: 'families',
  version: 1,
  tables: { parent, checked, once: { ...checked, checksKeysOnce: true } },
} as unknown as Projection

const counted: Table = {
  columns: { id: is('int4'), count: is('int4') },
  primaryKey: ['id'],
  indexes: [],
  foreignKeys: {},
}
const counts = {
  name: 'counts',
  version: 1,
  tables: { counted, often: { ...counted, changesOften: true } },
} as unknown as Projection

describe('the foreign keys of a projection', () => {
  let client: pg.Client
  before(async () => {
    client = new pg.Client({ connectionString: (await services()).databaseUrl })
    await client.connect()
  })
  after(() => client?.end())
  beforeEach(async () => {
    await client.query(`drop schema if exists ${schema} cascade; create schema ${schema}`)
    for (const statement of createTables(schema, projection)) await client.query(statement)
    await client.query(`insert into ${schema}.parent values (1)`)
  })

  const add = (table: string, parentId: number) =>
    client.query(`insert into ${schema}.${table} values (${parentId}, ${parentId})`)
  const constrain = async () => {
    for (const [name, table] of Object.entries(projection.tables)) {
      for (const statement of createIndexes(schema, name, table)) await client.query(statement)
    }
    for (const { create } of constraintsOf(schema, projection)) await client.query(create)
  }
  const isMissing = { code: '23503' }

  for (const table of ['checked', 'once']) {
    it(`are not made where a row of ${table} has none to refer to`, async () => {
      await add(table, 2)
      await assert.rejects(constrain(), isMissing)
    })
  }

  it('are checked of each row that comes later, or only declared where the fold knows them', async () => {
    await add('once', 1)
    await constrain()
    await assert.rejects(add('checked', 2), isMissing)
    const { rows } = await client.query<{ known: number }>(
      `select current_setting('server_version_num')::int as known`,
    )
    const adding = add('once', 2)
    await ((rows[0]?.known ?? 0) < 180_000 ? assert.rejects(adding, isMissing) : adding)
  })
})

describe('a table of a projection whose rows change often', () => {
  it('has room for them, so that a change touches no index', async () => {
    const client = new pg.Client({ connectionString: (await services()).databaseUrl })
    await client.connect()
    try {
      await client.query(`drop schema if exists ${schema} cascade; create schema ${schema}`)
      for (const statement of createTables(schema, counts)) await client.query(statement)
      for (const name of Object.keys(counts.tables)) {
        await client.query(`alter table ${schema}.${name} add primary key (id)`)
        await client.query(
          `insert into ${schema}.${name} select i, 0 from generate_series(1, 5000) i`,
        )
      }
      const changedInPlace = async (name: string): Promise<number> => {
        await client.query(`begin; update ${schema}.${name} set count = 1 where id % 3 = 0`)
        const { rows } = await client.query<{ count: number }>(
          `select pg_stat_get_xact_tuples_hot_updated('${schema}.${name}'::regclass)::int as count`,
        )
        await client.query('commit')
        return rows[0]?.count ?? 0
      }
      assert.equal(await changedInPlace('often'), 1_666)
      assert.ok((await changedInPlace('counted')) < 200)
    } finally {
      await client.end()
    }
  })
})
