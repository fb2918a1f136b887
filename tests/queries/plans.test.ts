import assert from 'node:assert/strict'
import pg from 'pg'
import { listAccounts } from '../../src/queries/list-accounts.ts'
import { listBooks } from '../../src/queries/list-books.ts'
import { listEntries } from '../../src/queries/list-entries.ts'
import { listTransactions } from '../../src/queries/list-transactions.ts'
import { listMembers } from '../../src/queries/members.ts'
import { cursorSigner } from '../../src/queries/page.ts'
import type { Envelope, Query, Reading } from '../../src/queries/query.ts'
import { kyselyOn } from '../../src/runtime/kysely-on.ts'
import { openBook, type TestBook, transfer } from '../support/book.ts'
import { daybook } from '../support/daybook.ts'

type Parameters = Readonly<Record<string, string | number>>

const none: Parameters = {}
const of = (name: string, ...values: string[]): Parameters[] =>
  values.map((value) => ({ [name]: value }))
const since = '2024-02-01'
const accountFilters = [
  none,
  ...of('type', 'asset'),
  ...of('currency', 'EUR'),
  ...of('status', 'open', 'frozen', 'closed'),
  ...of('code', 'asset:8'),
  ...of('code[prefix]', 'asset:1'),
  ...of('created_at[gte]', since),
  ...of('created_at[lt]', since),
  ...of('metadata[part]', '1'),
]
const transactionFilters = [
  none,
  ...of('status', 'posted', 'pending', 'voided', 'expired'),
  ...of('reference', 'r-7'),
  ...of('account', 'asset:8'),
  ...of('effective_at[gte]', since),
  ...of('effective_at[lt]', since),
]
const entryFilters = [none, ...of('effective_at[gte]', since), ...of('effective_at[lt]', since)]
const bothWays = (...columns: string[]) => columns.flatMap((column) => [column, `-${column}`])

describe('the plan of every list, filter and sort', function () {
  this.timeout(120_000)

  let client: pg.Client
  let book: TestBook
  let reading: Reading
  /** What was asked of Postgres since this was emptied. */
  const asked: { text: string; values: unknown[] }[] = []

  before(async () => {
    const { rest, environment } = await daybook()
    book = await openBook(rest)
    const accounts = Array.from({ length: 400 }, (_, n) => ({
      code: `${n % 2 === 0 ? 'asset' : 'income'}:${n}`,
      type: n % 2 === 0 ? 'asset' : 'income',
      currency: 'EUR',
      metadata: { part: String(n % 50) },
    }))
    await book.post('/accounts/batch', { accounts })
    const code = (n: number) => accounts[n % 400]?.code ?? ''
    for (let batch = 0; batch < 4; batch++) {
      const transactions = Array.from({ length: 1_000 }, (_, index) => ({
        ...transfer(code(index), code(7 * index + 1 + batch), 1 + index),
        reference: `r-${1_000 * batch + index}`,
        effective_at: new Date(Date.UTC(2024, 0, 1 + (index % 90))).toISOString(),
        ...(index % 100 === 0 && { status: 'pending' }),
      })).filter(({ transfers: [one] }) => one?.from !== one?.to)
      const { status, text } = await book.post('/transactions/batch', { transactions })
      assert.equal(status, 201, text)
    }
    await book.get('/accounts')
    client = new pg.Client({ connectionString: environment['DATABASE_URL'] })
    await client.connect()
    const { rows } = await client.query<{ schema: string }>(
      `select 'ledger_v' || version || '_b' || build_id as schema
       from projection.live where projection = 'ledger'`,
    )
    await client.query(`set search_path to ${rows[0]?.schema}`)
    await client.query('analyze')
    // Small tables are read whole for good reasons: what counts is that there is another way.
    await client.query('set enable_seqscan to off')
    const watched = Object.assign(Object.create(client), {
      query: (config: { text: string; values: unknown[] }) => {
        asked.push(config)
        return client.query(config.text, config.values)
      },
    })
    reading = {
      db: kyselyOn(watched as pg.PoolClient),
      bookId: book.id,
      book: { time_zone: 'UTC', account_count: 400, transaction_count: 4_000 },
      revision: book.revision,
      sign: cursorSigner('a secret'),
      now: new Date(),
      validUntil: () => {},
    }
  })
  after(() => client?.end())

  const plans = async (): Promise<string[]> => {
    const found: string[] = []
    for (const { text, values } of asked.splice(0)) {
      const { rows } = await client.query(`explain ${text}`, values)
      found.push(rows.map((row) => row['QUERY PLAN']).join('\n'))
    }
    return found
  }

  /** Asks for the first page and for one after it, and looks at how Postgres would find them. */
  const check = async (
    list: (parameters: Parameters) => Promise<Envelope<unknown>>,
    filters: Parameters,
    sort: string | null,
  ): Promise<void> => {
    const first = { ...filters, limit: 2, ...(sort !== null && { sort }) }
    const { meta } = await list(first)
    const { nextCursor } = meta as { nextCursor: string | null }
    if (nextCursor !== null) await list({ ...first, cursor: nextCursor })
    const found = await plans()
    assert.ok(found.length > 0)
    for (const plan of found) {
      const what = `${JSON.stringify(first)}\n${plan}`
      assert.doesNotMatch(plan, /Seq Scan/, what)
      const own = plan.split('SubPlan')[0] ?? ''
      // In whole lists the order is that of an index: a page costs the same wherever it is.
      if (filters === none && own.startsWith('Limit')) assert.doesNotMatch(own, /> +Sort/, what)
    }
  }

  const checkAll = async <Asked, Data>(
    query: Query<Asked, Data>,
    filters: readonly Parameters[],
    sorts: readonly string[],
    more: Parameters = none,
  ): Promise<void> => {
    const list = (parameters: Parameters) =>
      query.run(reading, { ...parameters, ...more } as unknown as Asked)
    for (const filter of filters) for (const sort of sorts) await check(list, filter, sort)
  }

  it('finds accounts by an index', () =>
    checkAll(listAccounts, accountFilters, bothWays('code', 'name', 'created_at')))

  it('finds transactions by an index', () =>
    checkAll(listTransactions, transactionFilters, bothWays('created_at', 'effective_at')))

  it('finds the entries of an account by an index', () =>
    checkAll(listEntries, entryFilters, bothWays('effective_at'), { account: 'asset:8' }))

  it('finds the members of a book, and the books of a member, by an index', async () => {
    const { db, sign } = reading
    await check((parameters) => listMembers.run(reading, parameters), none, null)
    for (const member of [null, '0190163d-8694-739b-aea5-966c26f8ad91']) {
      for (const named of [none, { name: 'x' }]) {
        const filters = member === null ? named : { ...named }
        await check((asked) => listBooks(db, sign, asked, member), filters, null)
      }
    }
  })
})
