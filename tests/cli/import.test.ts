import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import type {
  AccountResource,
  BookResource,
  StatementLine,
  TransactionResource,
} from '../../src/queries/resources.ts'
import { type TestBook, toBook } from '../support/book.ts'
import {
  type Daybook,
  freshEnvironment,
  logIn,
  openDaybook,
  startCommand,
  startPart,
} from '../support/daybook.ts'
import { eventsOf } from '../support/log-of-book.ts'
import { randomOf } from '../support/random.ts'
import { restClient } from '../support/rest.ts'
import { testDirectory } from '../support/services.ts'
import { linesOfPostings } from '../support/treasury.ts'

const slice = 2_500
const currency = ['--currency', 'MUSD:0']

/** Until a command has told so many lines of its progress, or has ended. */
const linesOf = (command: ChildProcess, count: number): Promise<void> =>
  new Promise((resolve) => {
    let seen = 0
    const check = (): void => {
      if (seen >= count) resolve()
    }
    command.stderr?.on('data', (chunk: Buffer) => {
      seen += chunk.toString().split('\n').length - 1
      check()
    })
    command.once('close', () => resolve())
    check()
  })

describe('daybook import', function () {
  this.timeout(120_000)

  let running: Daybook
  let folder: string
  let lines: string[]

  before(async () => {
    running = await openDaybook(await freshEnvironment())
    folder = testDirectory('import')
    lines = linesOfPostings()
    write('postings.csv', slice)
    write('longer.csv', slice + 500)
    write('short.csv', 10)
  })
  after(() => running?.close())

  /** The first transactions of the Treasury's, of two lines each. */
  const write = (name: string, transactions: number): void => {
    const text = `${lines.slice(0, 1 + 2 * transactions).join('\n')}\n`
    writeFileSync(join(folder, name), text)
    writeFileSync(join(folder, `${name}.gz`), gzipSync(text))
  }

  const start = (file: string, book: string, url = running.rest.url, more: string[] = []) =>
    startCommand(['import', join(folder, file), '--book', book, ...currency, ...more], {
      ...running.environment,
      DAYBOOK_URL: url,
      DAYBOOK_EMAIL: running.environment['DAYBOOK_ADMIN_EMAIL'] ?? '',
      DAYBOOK_PASSWORD: running.environment['DAYBOOK_ADMIN_PASSWORD'] ?? '',
    })

  const bookOf = async (name: string): Promise<TestBook> => {
    const { data } = await running.rest.get<BookResource[]>(`/v1/books?name=${name}`)
    assert.equal(data.length, 1, `${data.length} books named ${name}`)
    const id = data[0]?.id ?? ''
    return toBook(running.rest, id, (await eventsOf(running, id)).length - 1)
  }

  /** All that a book shows, but for what is by chance: ids, times and revisions. */
  const contentOf = async (book: TestBook) => {
    const accounts = await book.list<AccountResource>('/accounts?limit=200')
    const transactions = await book.list<TransactionResource>(
      '/transactions?limit=200&sort=effective_at',
    )
    const statement = await book.list<StatementLine>(
      '/accounts/Assets:FederalReserve/entries?limit=200',
    )
    assert.equal(new Set(transactions.map(({ id }) => id)).size, transactions.length)
    return {
      accounts: accounts.map(({ code, type, currency, balances, entry_count }) => {
        return { code, type, currency, balances, entry_count }
      }),
      transactions: transactions.map(({ effective_at, description, metadata, entries }) => ({
        effective_at,
        description,
        metadata,
        entries: entries.map(({ account_code, direction, amount }) => {
          return { account_code, direction, amount }
        }),
      })),
      statement: statement.map(({ effective_at, direction, amount, running_balance }) => {
        return { effective_at, direction, amount, running_balance }
      }),
    }
  }

  let whole: Awaited<ReturnType<typeof contentOf>>

  it('puts a file into a new book', async () => {
    const { code, stdout, stderr } = await start('postings.csv', 'whole').ended
    assert.equal(code, 0, stderr)
    assert.match(stdout, new RegExp(`^Book \\S+: ${slice} recorded, 0 were there already\\.\n$`))
    whole = await contentOf(await bookOf('whole'))
    assert.equal(whole.transactions.length, slice)
  })

  it('ends with the same book when it is killed again and again, and the API too', async () => {
    const seed = Date.now() % 1_000_000
    console.log(`      seed ${seed}`)
    const { between } = randomOf(seed)
    let api = await startPart('api', running.environment)
    const { port } = api
    const environment = { ...running.environment, PORT: String(port) }
    for (let kill = 0; kill < 3; kill++) {
      const { process, ended } = start('postings.csv', 'killed', api.url)
      await linesOf(process, between(0, 3))
      await sleep(between(0, 80))
      if (kill === 1) await api.kill()
      process.kill('SIGKILL')
      if (kill === 1) api = await startPart('api', environment)
      await ended
    }
    const last = start('postings.csv', 'killed', api.url)
    await linesOf(last.process, 2)
    await api.kill()
    api = await startPart('api', environment)
    const { code, stdout, stderr } = await last.ended
    assert.equal(code, 0, stderr)
    const [, recorded = '', existing = ''] = /(\d+) recorded, (\d+) were/.exec(stdout) ?? []
    assert.equal(Number(recorded) + Number(existing), slice)
    await api.kill()
    assert.deepEqual(await contentOf(await bookOf('killed')), whole)
  })

  it('changes nothing when it is done again, from the same file packed', async () => {
    const book = await bookOf('whole')
    const { code, stdout } = await start('postings.csv.gz', 'whole').ended
    assert.equal(code, 0)
    assert.match(stdout, new RegExp(`: 0 recorded, ${slice} were there already\\.\n$`))
    assert.equal((await eventsOf(running, book.id)).length, book.revision + 1)
  })

  it('adds only what was appended to the file', async () => {
    const { stdout } = await start('longer.csv', 'whole', undefined, ['--source', 'postings.csv'])
      .ended
    assert.match(stdout, new RegExp(`: 500 recorded, ${slice} were there already\\.\n$`))
    const book = await bookOf('whole')
    const { transactions } = await contentOf(book)
    assert.equal(transactions.length, slice + 500)
    assert.deepEqual(transactions.slice(0, slice), whole.transactions)
  })

  it('reads NDJSON, with the accounts and currencies that it names', async () => {
    const file = join(folder, 'journal.ndjson')
    const account = (code: string, type: string) => ({
      type: 'account',
      account: { code, type, currency: 'GOLD' },
    })
    const content = [
      { type: 'book', time_zone: 'Europe/Berlin', currencies: [{ code: 'GOLD', exponent: 3 }] },
      account('vault', 'asset'),
      account('king', 'equity'),
      {
        type: 'transaction',
        transaction: {
          effective_at: '2024-02-29',
          transfers: [{ from: 'king', to: 'vault', amount: '1500' }],
        },
      },
    ]
    writeFileSync(file, content.map((line) => JSON.stringify(line)).join('\n'))
    for (const times of ['1 recorded, 0 were', '0 recorded, 1 were']) {
      const { code, stdout, stderr } = await start('journal.ndjson', 'gold').ended
      assert.equal(code, 0, stderr)
      assert.ok(stdout.includes(times), stdout)
    }
    const book = await bookOf('gold')
    const { data } = await book.get<BookResource>('')
    assert.equal(data.time_zone, 'Europe/Berlin')
    const [line] = await book.list<StatementLine>('/accounts/vault/entries')
    assert.equal(line?.running_balance, '1500')
    assert.equal(line?.effective_at, '2024-02-28T23:00:00.000Z')
  })

  const header = 'txn,date,account,amount,ccy'

  it('says what is wrong with a file, without a stack, and opens no book', async () => {
    writeFileSync(join(folder, 'bad.csv'), `${header}\n1,2024-01-01,Assets:A,1x,EUR\n`)
    const { code, stderr } = await start('bad.csv', 'wrong').ended
    assert.equal(code, 1)
    assert.match(stderr, /^\n\S+bad\.csv, line 2: "1x" is no decimal number\n\n$/)
    const { data } = await running.rest.get<BookResource[]>('/v1/books?name=wrong')
    assert.deepEqual(data, [])
  })

  it('names the line of what the API cannot read', async () => {
    const lines = [
      { type: 'account', account: { code: 'a', type: 'asset', currency: 'EUR' } },
      { type: 'transaction', transaction: { transfers: [{ from: 'a', to: 'b', amount: 5 }] } },
    ]
    writeFileSync(join(folder, 'bad.ndjson'), lines.map((line) => JSON.stringify(line)).join('\n'))
    const { code, stderr } = await start('bad.ndjson', 'unread').ended
    assert.equal(code, 1)
    assert.match(stderr, /\nline 2: Amounts are strings.*\(400 amount_not_a_string\)\n/)
  })

  it('names the lines that the book refused, and takes the rest', async () => {
    const rows = [
      '1,2024-01-01,Assets:A,1,EUR',
      '1,2024-01-01,Income:B,-1,EUR',
      '2,2024-01-02,Assets:A,2,EUR',
      '2,2024-01-02,Income:B,-1,EUR',
      '4,2024-01-04,Assets:A,4,EUR',
      '4,2024-01-04,Income:B,-4,EUR',
    ]
    writeFileSync(join(folder, 'some.csv'), [header, ...rows, ''].join('\n'))
    const { code, stdout, stderr } = await start('some.csv', 'some').ended
    assert.equal(code, 1)
    assert.match(stderr, /line 4: Debits exceed credits by 100 EUR.*\(unbalanced\)/)
    assert.match(stdout, /: 2 recorded/)
  })

  it('says that the login is wrong, and where there is nobody', async () => {
    const environment = { ...running.environment, DAYBOOK_URL: running.rest.url }
    const file = join(folder, 'short.csv')
    const args = ['import', file, '--book', 'x', ...currency]
    const login = { DAYBOOK_EMAIL: 'admin@example.com', DAYBOOK_PASSWORD: 'wrong' }
    const wrongLogin = await startCommand(args, { ...environment, ...login }).ended
    assert.equal(wrongLogin.code, 1)
    assert.match(wrongLogin.stderr, /e-mail or the password is wrong/)
    const old = { ...environment, DAYBOOK_TOKEN: 'old' }
    const wrongToken = await startCommand(args, old).ended
    assert.equal(wrongToken.code, 1)
    assert.match(wrongToken.stderr, /\(401 unauthenticated\)/)
    const { data } = await restClient(running.rest.url, await logIn(running.rest.url)).get<[]>(
      '/v1/books?name=x',
    )
    assert.deepEqual(data, [])
  })
})
