import assert from 'node:assert/strict'
import pg from 'pg'
import { ledger } from '../../src/projections/ledger/ledger.ts'
import { lookups } from '../../src/projections/lookup.ts'
import { untyped } from '../../src/projections/projection.ts'
import { listAccounts } from '../../src/queries/list-accounts.ts'
import { listBooks } from '../../src/queries/list-books.ts'
import { listEntries } from '../../src/queries/list-entries.ts'
import { listTransactions } from '../../src/queries/list-transactions.ts'
import { listMembers } from '../../src/queries/members.ts'
import { cursorSigner } from '../../src/queries/page.ts'
import { listPeriods } from '../../src/queries/periods.ts'
import type { Envelope, Query, Reading } from '../../src/queries/query.ts'
import { openCredentials } from '../../src/runtime/credentials.ts'
import { connectEventStore } from '../../src/runtime/event-store.ts'
import { kyselyOn } from '../../src/runtime/kysely-on.ts'
import type { Database } from '../../src/runtime/postgres.ts'
import { administer } from '../../src/runtime/projections/administer.ts'
import { runNamed } from '../../src/runtime/run-named.ts'
import { openBook, type TestBook, transfer } from '../support/book.ts'
import { type Daybook, freshEnvironment, openDaybook } from '../support/daybook.ts'
import { liveSchema } from '../support/operations.ts'

type Parameters = Readonly<Record<string, string | number>>
/**
 * What is filtered by, and what the plan of each page of it says if an index answers it. Of what most
 * rows have, that is the index of the order; what few have must be looked up, or all of a book is read.
 */
type Filter = readonly [Parameters, RegExp]
type Plan = { readonly plan: string; readonly isPage: boolean }

const none: Parameters = {}
const whole: Filter = [none, /Index/]
const by = (plan: RegExp, name: string, ...values: string[]): Filter[] =>
  values.map((value) => [{ [name]: value }, plan])
const since = '2024-02-01'
const ofBook = /Index Cond: .*book_id = /
const ofKinds = (...columns: string[]) =>
  new RegExp(`Index Cond: .*${columns.map((column) => `${column} = .*`).join('')}`)
const accountFilters: Filter[] = [
  whole,
  ...by(ofBook, 'type', 'asset'),
  ...by(ofKinds('status', 'type'), 'type', 'equity'),
  ...by(ofBook, 'currency', 'EUR'),
  ...by(ofKinds('status', 'type', 'currency'), 'currency', 'USD'),
  ...by(ofBook, 'status', 'open'),
  ...by(ofKinds('status'), 'status', 'frozen', 'closed'),
  ...by(/Index Cond: .*code = /, 'code', 'asset:8'),
  ...by(ofBook, 'code[prefix]', 'asset:'),
  ...by(/Index Cond: .*code >= .*code < /, 'code[prefix]', 'asset:12', 'zz'),
  ...by(ofBook, 'created_at[gte]', since),
  ...by(/Index Cond: .*created_at >= /, 'created_at[gte]', '2999-01-01'),
  ...by(/Index Cond: .*created_at < /, 'created_at[lt]', since),
  ...by(ofBook, 'metadata[half]', '1'),
  ...by(/Index Cond: .*metadata @> /, 'metadata[number]', '7', 'none'),
]
const transactionFilters: Filter[] = [
  whole,
  [{ expand: 'account' }, /Index/],
  ...by(ofBook, 'status', 'posted'),
  ...by(/Index Cond: .*status = /, 'status', 'pending', 'voided', 'expired'),
  ...by(/Index Cond: .*reference = /, 'reference', 'r-7'),
  ...by(/Index Cond: .*account_id = [^]*Index Cond: .*id = .*transaction_id/, 'account', 'asset:8'),
  ...by(/Index Cond: .*metadata @> /, 'metadata[order]', '7'),
  [{ 'metadata[order]': '7', 'metadata[batch]': '1' }, /Index Cond: .*metadata @> /],
  ...by(/Index Cond: .*revision >= /, 'created_at[gte]', since, '2999-01-01'),
  ...by(/Index Cond: .*revision < /, 'created_at[lt]', since),
  ...by(ofBook, 'effective_at[gte]', '2024-03-29'),
  ...by(/Index Cond: .*effective_at >= /, 'effective_at[gte]', '2999-01-01'),
  ...by(/Index Cond: .*effective_at < /, 'effective_at[lt]', '2024-01-01'),
]
const entryFilters: Filter[] = [
  whole,
  [{ expand: 'account,transaction' }, /Index/],
  ...by(/Index Cond: .*effective_at >= /, 'effective_at[gte]', since),
  ...by(/Index Cond: .*effective_at < /, 'effective_at[lt]', since),
]
const bothWays = (...columns: string[]) => columns.flatMap((column) => [column, `-${column}`])

describe('the plan of every list, filter and sort', function () {
  this.timeout(120_000)

  let running: Daybook
  let client: pg.Client
  let book: TestBook
  let reading: Reading
  /** What was asked of Postgres since this was emptied. */
  const asked: { text: string; values: unknown[] }[] = []

  before(async () => {
    // Of its own: what others have written would change what is frequent.
    running = await openDaybook(await freshEnvironment())
    const { rest, environment } = running
    book = await openBook(rest)
    const accounts = Array.from({ length: 400 }, (_, n) => ({
      code: `${n % 2 === 0 ? 'asset' : 'income'}:${n}`,
      type: n % 2 === 0 ? 'asset' : 'income',
      currency: 'EUR',
      metadata: { half: String(n % 2), number: String(n) },
    }))
    for (let first = 0; first < accounts.length; first += 50) {
      await book.post('/accounts/batch', { accounts: accounts.slice(first, first + 50) })
    }
    const code = (n: number) => accounts[n % 400]?.code ?? ''
    for (let batch = 0; batch < 4; batch++) {
      const transactions = Array.from({ length: 1_000 }, (_, index) => ({
        ...transfer(code(index), code(7 * index + 1 + batch), 1 + index),
        reference: `r-${1_000 * batch + index}`,
        metadata: { batch: String(batch), order: String(index) },
        effective_at: new Date(Date.UTC(2024, 0, 1 + (index % 90))).toISOString(),
        ...(index % 100 === 0 && { status: 'pending' }),
      })).filter(({ transfers: [one] }) => one?.from !== one?.to)
      const { status, text } = await book.post('/transactions/batch', { transactions })
      assert.equal(status, 201, text)
    }
    await book.get('/accounts')
    client = new pg.Client({ connectionString: environment['DATABASE_URL'] })
    await client.connect()
    await client.query(`set search_path to ${await liveSchema(client)}`)
    await client.query('analyze')
    // Small tables are read whole for good reasons: what counts is that there is another way.
    await client.query('set enable_seqscan to off')
    const run = async (text: string, values: readonly unknown[]) =>
      (await watched().query(text, [...values])).rows
    reading = {
      db: kyselyOn(run),
      run,
      bookId: book.id,
      book: { time_zone: 'UTC', account_count: 400, transaction_count: 4_000 },
      revision: book.revision,
      sign: cursorSigner('a secret'),
      now: new Date(),
      validUntil: () => {},
    }
  })
  after(async () => {
    await client?.end()
    await running?.close()
  })

  /** The connection, which notes what it is asked. */
  const watched = (): pg.Client =>
    Object.assign(Object.create(client), {
      query: (asking: string | { text: string; values: unknown[] }, values: unknown[] = []) => {
        const { text, ...more } = typeof asking === 'string' ? { text: asking, values } : asking
        if (/^\s*(select|with)\s/.test(text)) asked.push({ text, values: more.values })
        return client.query(text, more.values)
      },
    })
  const pool = (): Database =>
    Object.assign(watched(), {
      connect: async () => Object.assign(watched(), { release: () => {} }),
    }) as unknown as Database

  const plans = async (): Promise<Plan[]> => {
    const found: Plan[] = []
    for (const { text, values } of asked.splice(0)) {
      const { rows } = await client.query(`explain ${text}`, values)
      const plan = rows.map((row) => row['QUERY PLAN']).join('\n')
      found.push({ plan, isPage: / offset /.test(text) })
    }
    return found
  }

  /** Asks for the first page and for one after it, and looks at how Postgres would find them. */
  const check = async (
    list: (parameters: Parameters) => Promise<Envelope<unknown>>,
    [filters, plan]: Filter,
    sort: string | null,
  ): Promise<void> => {
    const first = { ...filters, limit: 2, ...(sort !== null && { sort }) }
    asked.length = 0
    const { meta } = await list(first)
    const { nextCursor } = meta as { nextCursor: string | null }
    if (nextCursor !== null) await list({ ...first, cursor: nextCursor })
    const found = await plans()
    const all = `${JSON.stringify(first)}\n${found.map((one) => one.plan).join('\n')}`
    const pages = found.filter(({ isPage }) => isPage)
    assert.equal(pages.length, nextCursor === null ? 1 : 2, all)
    for (const one of pages) assert.match(one.plan, plan, all)
    for (const one of found) {
      assert.doesNotMatch(one.plan, /Seq Scan/, `${JSON.stringify(first)}\n${one.plan}`)
      const own = one.plan.split('SubPlan')[0] ?? ''
      // In whole lists the order is that of an index: a page costs the same wherever it is.
      if (filters === none && own.startsWith('Limit')) assert.doesNotMatch(own, /> +Sort/, all)
    }
  }

  const checkAll = async <Asked, Data>(
    query: Query<Asked, Data>,
    filters: readonly Filter[],
    sorts: readonly (string | null)[],
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

  it('finds the transactions of an account by an index, however many there are', async () => {
    const many = { ...reading, book: { ...reading.book, transaction_count: 1_000_000 } } as Reading
    await client.query('begin')
    await client.query(`update account set entry_count = 20000 where code = 'asset:8'`)
    const list = (parameters: Parameters) =>
      listTransactions.run(many, parameters as Parameters & { account: string })
    const { meta } = await list({ account: 'asset:8', limit: 2 })
    assert.equal((meta as { total: number | null }).total, null)
    for (const sort of bothWays('created_at', 'effective_at')) {
      await check(list, [{ account: 'asset:8' }, ofBook], sort)
    }
    await client.query('rollback')
  })

  it('finds the entries of an account by an index', () =>
    checkAll(listEntries, entryFilters, bothWays('effective_at'), { account: 'asset:8' }))

  it('is made once for all places of a list', async () => {
    const run: Reading['run'] = (text, values) =>
      runNamed(client as unknown as pg.PoolClient, text, values)
    const named = { ...reading, run, db: kyselyOn(run) }
    const turn = async <Asked>(query: Query<Asked, unknown>, more: Parameters, limit: number) => {
      // Postgres looks at plans for the first five before it may take one for all.
      for (let page = 1; page <= 7; page++) {
        const place = { ...more, page, limit } as unknown as Asked
        const { meta } = await query.run(reading, place)
        const { nextCursor: cursor } = meta as { nextCursor: string }
        await query.run(named, { ...more, cursor } as unknown as Asked)
      }
    }
    await turn(listAccounts, none, 50)
    await turn(listTransactions, none, 200)
    await turn(listEntries, { account: 'asset:8' }, 2)
    const { rows } = await client.query(
      `select statement, custom_plans::int, generic_plans::int from pg_prepared_statements`,
    )
    // By its code an account is found first.
    assert.equal(rows.length, 4)
    for (const { statement, ...plans } of rows) {
      assert.deepEqual(plans, { custom_plans: 5, generic_plans: 2 }, statement)
    }
  })

  it('finds the members and the periods of a book by an index', async () => {
    await checkAll(listMembers, [whole], [null])
    await checkAll(listPeriods, [whole], [null])
  })

  it('finds books, by their name and those of a member, by an index', async () => {
    const { db, sign } = reading
    const named: Filter = [{ name: 'x' }, /Index Cond: .*name = /]
    for (const filter of [whole, named]) {
      await check((page) => listBooks(db, sign, page, null), filter, null)
      const user = '0190163d-8694-739b-aea5-966c26f8ad91'
      const [filters] = filter
      const ofMember: Filter = [{ ...filters }, /Index Cond: .*user_id = /]
      await check((page) => listBooks(db, sign, page, user), ofMember, null)
    }
  })

  it('finds users by an index', async () => {
    const { users } = await openCredentials(pool(), reading.sign, null)
    await check((page) => users.list(page), whole, null)
  })

  it('finds what administrators ask of projections by an index', async () => {
    const store = connectEventStore(running.environment['EVENTSTORE_URL'] as string)
    const projections = [untyped(ledger), untyped(lookups)]
    const administration = administer(pool(), store, projections, reading.sign)
    for (const { name } of projections) {
      await check((page) => administration.books(name, page), whole, null)
      await check((page) => administration.failures(name, page), whole, null)
      await check((page) => administration.skips(name, page), whole, null)
    }
    await check((page) => administration.operations.list(page), whole, null)
    await store.close()
  })
})
