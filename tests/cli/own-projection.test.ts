import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import pg from 'pg'
import type { Recorded } from '../../src/domain/events/index.ts'
import type { OperationResource } from '../../src/queries/projections.ts'
import { rowsGiven } from '../../src/runtime/projections/given-events.ts'
import { withOwnProjections } from '../../src/runtime/projections/load-own.ts'
import { openAccounts, openBook, type TestBook, transfer } from '../support/book.ts'
import { type Daybook, freshEnvironment, openDaybook, startCommand } from '../support/daybook.ts'
import { eventsOf } from '../support/log-of-book.ts'
import { randomOf } from '../support/random.ts'
import { testDirectory } from '../support/services.ts'

const example = 'examples/projections/turnover.mjs'

type Turnover = Readonly<Record<'counterparty' | 'month' | 'currency' | 'amount', string>>

describe('a projection of one’s own, from a file', function () {
  this.timeout(60_000)
  let running: Daybook
  let db: pg.Client
  let book: TestBook

  before(async () => {
    running = await openDaybook({ ...(await freshEnvironment()), DAYBOOK_PROJECTIONS: example })
    db = new pg.Client({ connectionString: running.environment['DATABASE_URL'] as string })
    await db.connect()
    book = await openBook(running.rest)
    await openAccounts(book, ['asset:cash', 'income:sales'])
    const { pick, between } = randomOf(3)
    const transactions = Array.from({ length: 200 }, () => ({
      ...transfer('income:sales', 'asset:cash', between(1, 500)),
      effective_at: `2024-0${between(1, 4)}-${between(10, 28)}`,
      ...(between(0, 3) > 0 && { metadata: { counterparty: pick(['Ada\tLtd', 'Böll', 'Cy']) } }),
    }))
    for (let from = 0; from < 200; from += 20) {
      const sent = { transactions: transactions.slice(from, from + 20) }
      assert.equal((await book.post('/transactions/batch', sent)).status, 201)
    }
    for (;;) {
      const { rows } = await ask<{ done: boolean }>(
        'select revision = $1 as done from checkpoint where book_id = $2',
        [book.revision, book.id],
      )
      if (rows[0]?.done) break
    }
  })
  after(async () => {
    await db?.end()
    await running?.close()
  })

  /** As docs/projections.md tells to read one. */
  const ask = async <Row extends pg.QueryResultRow>(sql: string, values: unknown[] = []) => {
    await db.query('begin')
    await db.query(`select projection.use('turnover')`)
    const answer = await db.query<Row>(sql, values)
    await db.query('commit')
    return answer
  }

  const expected = (events: readonly Recorded[]): Turnover[] => {
    const sums = new Map<string, number>()
    for (const event of events) {
      if (event.type !== 'TransactionsRecorded') continue
      for (const { metadata, effective_at, entries } of event.data.transactions) {
        if (metadata['counterparty'] === undefined) continue
        const key = JSON.stringify([metadata['counterparty'], effective_at.slice(0, 7), 'EUR'])
        sums.set(key, (sums.get(key) ?? 0) + Number(entries[0]?.amount))
      }
    }
    return [...sums].map(([key, sum]) => {
      const [counterparty, month, currency] = JSON.parse(key)
      return { counterparty, month, currency, amount: String(sum) }
    })
  }
  const sorted = (rows: readonly Turnover[]) =>
    rows
      .map(({ counterparty, month, currency, amount }) =>
        JSON.stringify([counterparty, month, currency, amount]),
      )
      .sort((one, other) => (one < other ? -1 : 1))

  const assertRight = async () => {
    const { rows } = await ask<Turnover>(
      'select counterparty, month, currency, amount from turnover where book_id = $1',
      [book.id],
    )
    assert.deepEqual(sorted(rows), sorted(expected(await eventsOf(running, book.id))))
    assert(rows.length >= 9)
  }

  it('shows what its events come to', assertRight)

  it('is rebuilt, verified and compared like any other', async () => {
    const environment = { DAYBOOK_URL: running.rest.url, DAYBOOK_TOKEN: running.token }
    const rebuilt = await startCommand(['rebuild', 'turnover'], environment).ended
    assert.equal(rebuilt.code, 0, rebuilt.stderr)
    assert.match(rebuilt.stdout, /Verified, equal to the live build/)
    await assertRight()
    await ask('update turnover set amount = 0 where counterparty = $1', ['Cy'])
    const diff = await startCommand(['projections', 'diff', 'turnover'], environment).ended
    assert.equal(diff.code, 1)
    assert.match(diff.stdout, /turnover .*"counterparty":"Cy".*: amount is 0, and \d+ when folded/)
    const answer = await running.rest.post<OperationResource>('/v1/projections/turnover/rebuild', {
      books: [book.id],
      may_differ: true,
    })
    assert.equal(answer.status, 202, answer.text)
  })

  it('has a test of its own', () => {
    const { status, stdout } = spawnSync(process.execPath, ['--test', dirname(example)], {
      encoding: 'utf8',
    })
    assert.equal(status, 0, stdout)
    assert.match(stdout, /pass 2/)
  })

  it('finds in its test what its events come to, and is told of a row that it forgot to name', async () => {
    const events = await eventsOf(running, book.id)
    const { turnover = [] } = await rowsGiven(example, events, book.id)
    const found = turnover.map((row) => ({ ...row, amount: String(row['amount']) }))
    assert.deepEqual(sorted(found as never), sorted(expected(events)))
    const forgetful = join(testDirectory('own-projection'), 'forgetful.mjs')
    const source = readFileSync(example, 'utf8')
    writeFileSync(forgetful, source.replace('turnover: debitsOf(event).map', 'turnover: [].map'))
    await assert.rejects(
      rowsGiven(forgetful, events, book.id),
      /^Error: revision \d+: turnover has a row [^]*Does needs name it for this event\?$/,
    )
  })

  const wrong: Readonly<Record<string, readonly [string, RegExp]>> = {
    'is not there': ['', /cannot be loaded: Cannot find module/],
    'gives nothing': ['export default () => null', /gives no projection/],
    'exports no function': ['export default {}', /default export is no function/],
    'takes a name that is taken': [
      `export default () => ({ name: 'ledger' })`,
      /"ledger" is taken/,
    ],
    'has a table without a key': [
      `export default ({ is }) => ({ name: 'own', version: 1, needs() {}, apply() {},
        tables: { one: { columns: { id: is('uuid') } } } })`,
      /table one: it has no primaryKey/,
    ],
    'has an index by content of a text': [
      `export default ({ is }) => ({ name: 'own', version: 1, needs() {}, apply() {},
        tables: { one: { columns: { id: is('text') }, primaryKey: ['id'],
          indexes: [{ columns: ['id'], isByContent: true }] } } })`,
      /table one: an index with isByContent has one column, of type jsonb/,
    ],
    'has a column of a strange type': [
      `export default ({ is }) => ({ name: 'own', version: 1, needs() {}, apply() {},
        tables: { one: { columns: { id: is('money') }, primaryKey: ['id'] } } })`,
      /table one: column id: there is no type money/,
    ],
  }
  for (const [what, [source, message]] of Object.entries(wrong)) {
    it(`says what is wrong before anything is begun where a file ${what}`, async () => {
      const file = join(testDirectory('own-projection'), 'own.mjs')
      if (source !== '') writeFileSync(file, source)
      const ledger = { name: 'ledger' } as never
      await assert.rejects(withOwnProjections([ledger], [file]), message)
    })
  }
})
