import assert from 'node:assert/strict'
import type pg from 'pg'
import { is, maybe, type Table } from '../../src/projections/table.ts'
import { connectPostgres, type Database } from '../../src/runtime/postgres.ts'
import { digestChange, plus, sqlDigest } from '../../src/runtime/projections/row-digest.ts'
import { rowLines } from '../../src/runtime/projections/row-lines.ts'
import { copyRows, insertRows, loadRows } from '../../src/runtime/projections/row-store.ts'
import { type AnyRow, jsonbText, rowText } from '../../src/runtime/projections/row-text.ts'
import { randomOf } from '../support/random.ts'
import { freshDatabase } from '../support/services.ts'

const table = {
  columns: {
    id: is('uuid'),
    place: is('int4'),
    name: is('text'),
    note: maybe('text'),
    is_open: is('boolean'),
    count: is('int8'),
    amount: maybe('numeric(38,0)'),
    at: is('timestamptz'),
    until: maybe('timestamptz'),
    metadata: is('jsonb'),
  },
  primaryKey: ['id', 'place'],
  indexes: [],
  foreignKeys: {},
} as const satisfies Table

const place = { schema: 'kept', name: 'thing', table }

describe('the digest of rows', function () {
  this.timeout(30_000)
  const { between, pick, chance } = randomOf(7)
  let db: Database
  let client: pg.PoolClient

  before(async () => {
    const url = await freshDatabase()
    db = connectPostgres(url, { max: 1, statementMs: 20_000, onError: () => {} })
    client = await db.connect()
    const columns = Object.entries(table.columns).map(([name, { type }]) => `"${name}" ${type}`)
    await client.query(`create schema kept; create table kept.thing (${columns.join(', ')})`)
  })
  beforeEach(() => client.query('truncate kept.thing'))
  after(async () => {
    client.release()
    await db.end()
  })

  const texts = [
    '',
    'plain',
    'tab\there',
    'two\nlines\r',
    'back\\slash \\N',
    'Grüße, 日記 😀',
    '"q"',
    ' ',
  ]
  const values = [null, true, 0, -17, 9007199254740991, 'a\u2028b\u0001', [], {}, ['x', { y: [1] }]]
  const instant = () => new Date(between(-60_000, 250_000) * 1e9 + between(0, 999)).toISOString()
  const hex = (length: number) => Array.from({ length }, () => between(0, 15).toString(16)).join('')
  const metadata = () =>
    Object.fromEntries(
      Array.from({ length: between(0, 5) }, () => [pick(texts) + between(0, 20), pick(values)]),
    )
  const some = (count: number): AnyRow[] =>
    Array.from({ length: count }, (_, place) => ({
      id: `${hex(8)}-${hex(4)}-${hex(4)}-${hex(4)}-${hex(12)}`,
      place,
      name: `${pick(texts)}${'x'.repeat(between(0, 30))}`,
      note: chance(0.5) ? null : pick(texts),
      is_open: chance(0.5),
      count: between(-5, 5) * 1e12,
      amount: chance(0.3) ? null : BigInt(`${pick(['-', ''])}1${'0'.repeat(between(0, 37))}`),
      at: instant(),
      until: chance(0.5) ? null : instant(),
      metadata: metadata(),
    }))

  const stored = async () => {
    const { rows } = await client.query(sqlDigest('kept', 'thing', table))
    return { rows: Number(rows[0].rows), sum: BigInt(rows[0].sum) }
  }
  const folded = (rows: readonly AnyRow[]) => {
    const change = digestChange()
    for (const row of rows) change.add(rowText(table)(row))
    return change.take()
  }

  for (const [count, how] of [
    [15, 'arrays'],
    [2_000, 'COPY'],
  ] as const) {
    it(`is the same of rows as they are folded and as Postgres has them from ${how}`, async () => {
      const rows = some(count)
      const collected = rowLines(table)
      for (const row of rows) collected.add(row)
      const lines = collected.take()
      if (how === 'COPY') await copyRows(client, place, lines)
      else await insertRows(client, place, rows, lines)
      assert.deepEqual(lines.digest, folded(rows))
      assert.deepEqual(await stored(), folded(rows))
      const keys = rows.map(({ id, place }) => [id as string, place as number])
      const loaded = await loadRows(client, place, keys)
      assert.deepEqual(folded(loaded), folded(rows))
    })
  }

  it('does not depend on their order, and forgets what is taken away', () => {
    const rows = some(300)
    const change = digestChange()
    for (const row of [...rows].reverse()) change.add(rowText(table)(row))
    assert.deepEqual(change.take(), folded(rows))
    for (const row of rows.slice(100)) change.add(rowText(table)(row))
    for (const row of rows.slice(200)) change.remove(rowText(table)(row))
    assert.deepEqual(plus(folded(rows.slice(0, 100)), change.take()), folded(rows.slice(0, 200)))
  })

  it('is another when a single value is', () => {
    const [row] = some(1) as [AnyRow]
    for (const change of [
      { count: 1 },
      { note: '\\N' },
      { amount: null },
      { metadata: { a: 1 } },
    ]) {
      assert.notDeepEqual(folded([{ ...row, note: null, amount: 7n, ...change }]), folded([row]))
    }
  })

  it('refuses numbers that Postgres would write in another way', () => {
    assert.throws(() => jsonbText({ share: 0.1 }), /put it into a text/)
  })
})
