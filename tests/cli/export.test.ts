import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { gunzipSync } from 'node:zlib'
import { parse } from 'csv-parse/sync'
import type { AccountResource, BookResource } from '../../src/queries/resources.ts'
import { openAccounts, openBook, type TestBook, toBook, transfer } from '../support/book.ts'
import { type Daybook, daybook, startCommand } from '../support/daybook.ts'
import { exportBook } from '../support/export.ts'
import { eventsOf } from '../support/log-of-book.ts'
import { getWhenVisible, revisionOf } from '../support/rest.ts'
import { testDirectory } from '../support/services.ts'

const json = { 'content-type': 'application/json' }
const uuid = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g

/** The same for ids that are new in each book: each is called by its place. */
const withoutIds = (text: string): string => {
  const places = new Map<string, string>()
  return text.replaceAll(uuid, (id) => {
    places.set(id, places.get(id) ?? `id ${places.size}`)
    return places.get(id) as string
  })
}

type Balances = { readonly accounts: readonly { readonly account_id: string }[] }

describe('daybook export', function () {
  this.timeout(60_000)

  let running: Daybook
  let book: TestBook

  const command = (args: readonly string[]) => {
    const access = { DAYBOOK_URL: running.rest.url, DAYBOOK_TOKEN: running.token }
    return startCommand(args, { ...running.environment, ...access })
  }

  const run = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await command(args).ended
    assert.equal(code, 0, stderr)
    return stdout
  }

  const importAs = async (name: string, file: string, ...more: string[]): Promise<TestBook> => {
    const said = await run('import', file, '--book', name, ...more)
    const [, id = ''] = /^Book (\S+):/.exec(said) ?? []
    return toBook(running.rest, id, (await eventsOf(running, id)).length - 1)
  }

  const done = async (method: string, path: string, body?: unknown): Promise<void> => {
    const sent = body === undefined ? null : JSON.stringify(body)
    const headers = body === undefined ? {} : json
    const answer = await running.rest.send(method, `${book.path}${path}`, sent, headers)
    assert.ok(answer.status < 300, answer.text)
    book.revision = revisionOf(answer)
  }

  before(async () => {
    running = await daybook()
    const opened = await running.rest.post<BookResource>('/v1/books', {
      name: 'exported',
      time_zone: 'Europe/Berlin',
      currencies: [{ code: 'GOLD2', exponent: 3 }],
      metadata: { branch: 'Köln, "old"' },
    })
    book = toBook(running.rest, opened.data.id, revisionOf(opened))
    const accounts = [
      {
        code: 'assets:cash',
        name: 'Cash; at hand',
        type: 'asset',
        currency: 'EUR',
        min_balance: '0',
      },
      { code: 'equity:own', type: 'equity', currency: 'EUR', metadata: { who: 'A. B.' } },
      { code: 'vault', type: 'asset', currency: 'GOLD2', max_balance: '5000' },
      { code: 'king', type: 'equity', currency: 'GOLD2' },
      { code: 'spare', type: 'expense', currency: 'EUR' },
    ]
    await done('POST', '/accounts/batch', { accounts })
    await done('POST', '/transactions', {
      ...transfer('equity:own', 'assets:cash', 12_50),
      effective_at: '2024-02-29',
      description: 'first; [2011-01-01] "quoted",\nand a line',
      metadata: { date: '2011-01-01', 'a:b': 'x, y\u2028z [=2012/01/01]' },
    })
    const late = { ...transfer('king', 'vault', 1_500), effective_at: '2024-01-31T22:59:59.999Z' }
    const future = { ...transfer('equity:own', 'spare', 7), effective_at: '2099-01-01' }
    await done('POST', '/transactions/batch', { transactions: [late, future] })
    await done('POST', '/transactions', { ...transfer('spare', 'equity:own', 7) })
    await done('PUT', '/accounts/vault', { code: 'safe', name: 'The safe', max_balance: '2000' })
    await done('POST', '/transactions', {
      ...transfer('king', 'safe', 100),
      effective_at: '2024-03-01',
    })
    await done('POST', '/accounts/king/freeze')
    await done('POST', '/accounts/equity%3Aown/freeze')
    await done('POST', '/accounts/equity%3Aown/unfreeze')
    await done('POST', '/accounts', { code: 'gone', type: 'income', currency: 'EUR' })
    await done('POST', '/transactions', {
      ...transfer('gone', 'assets:cash', 3),
      effective_at: '2024-03-02',
    })
    await done('POST', '/transactions', {
      ...transfer('assets:cash', 'gone', 3),
      effective_at: '2024-03-03',
    })
    await done('DELETE', '/accounts/gone')
    await done('POST', '/periods/close', { through: '2024-01-15' })
    await done('POST', '/transactions', {
      ...transfer('equity:own', 'assets:cash', 4),
      effective_at: '2024-01-10',
      on_closed_period: 'roll_forward',
    })
    await done('POST', '/periods/reopen', { through: null })
    await holdAndSettle()
    await done('POST', '/accounts', { code: 'gone', type: 'asset', currency: 'GOLD2' })
  })

  const idOf = (place: number) => `401d0000-0000-7000-8000-${String(place).padStart(12, '0')}`
  const hold = (place: number, lines: object, more: object = {}) =>
    done('POST', '/transactions', {
      ...{ id: idOf(place), status: 'pending', effective_at: '2024-04-01' },
      ...lines,
      ...more,
    })

  /** Holds of every fate; the third one expires. */
  const holdAndSettle = async (): Promise<void> => {
    await hold(1, transfer('assets:cash', 'equity:own', 100), { reference: 'invoice-1' })
    await hold(2, transfer('assets:cash', 'equity:own', 200))
    const line = (direction: string, account: string, amount: string) => {
      return { account, direction, amount }
    }
    const legs = [line('debit', 'equity:own', '5'), line('debit', 'spare', '4')]
    await hold(4, { entries: [...legs, line('credit', 'assets:cash', '9')] })
    const open = { reference: 'invoice-2', expires_at: '2098-12-31T12:00:00.000Z' }
    await hold(5, transfer('assets:cash', 'equity:own', 50), open)
    const part = { amount: '30', remainder: 'keep', effective_at: '2024-04-02' }
    await done('POST', `/transactions/${idOf(1)}/post`, part)
    await done('POST', `/transactions/${idOf(1)}/post`, { effective_at: '2024-04-03' })
    await done('POST', `/transactions/${idOf(2)}/void`)
    const parts = [line('debit', 'spare', '4'), line('credit', 'assets:cash', '4')]
    await done('POST', `/transactions/${idOf(4)}/post`, {
      entries: parts,
      effective_at: '2024-04-04',
    })
    await done('POST', `/transactions/${idOf(5)}/post`, {
      amount: '20',
      remainder: 'keep',
      effective_at: '2024-04-05',
    })
    const ofFirst = `/transactions/${idOf(1)}`
    await done('PATCH', ofFirst, { metadata: { paid: 'in part', by: 'hand' } })
    await done('PATCH', ofFirst, { metadata: { paid: 'yes', by: null } })
    const expiresAt = await holdForAMoment()
    await done('POST', `${ofFirst}/reverse`, { effective_at: '2024-04-06', metadata: { why: 'x' } })
    while (Date.now() <= expiresAt) await sleep(20)
    // Whatever is decided next finds that its time is over.
    await done('POST', '/accounts', { code: 'later', type: 'asset', currency: 'EUR' })
  }

  /** For as short as it takes to be recorded in time, however slow that is. */
  const holdForAMoment = async (): Promise<number> => {
    for (let milliseconds = 200; ; milliseconds *= 2) {
      const expiresAt = Date.now() + milliseconds
      const answer = await book.post('/transactions', {
        ...transfer('assets:cash', 'equity:own', 300),
        id: idOf(3),
        status: 'pending',
        effective_at: '2024-04-01',
        expires_at: new Date(expiresAt).toISOString(),
      })
      if (answer.status === 201) return expiresAt
      assert.equal(answer.error.code, 'invalid_request', answer.text)
    }
  }

  it('ends without a word where whoever reads it has had enough', async () => {
    const { process: child, ended } = command(['export', '--book', 'exported', '--format', 'csv'])
    child.stdout?.destroy()
    const { code, stderr } = await ended
    assert.equal(code, 0, stderr)
    assert.doesNotMatch(stderr, /EPIPE|as it was/)
  })

  it('as ndjson is the whole book, from which import makes it again', async () => {
    const file = await exportBook(running, book, 'whole.ndjson')
    const copy = await importAs('a copy', file)
    const again = await exportBook(running, copy, 'again.ndjson')
    // What has expired is voided in the copy, where it could not be held for a time that is over.
    const third = new RegExp(`("name":"${idOf(3)}".*?)"expires_at":"[^"]+",`)
    const text = readFileSync(file, 'utf8').replace(third, '$1')
    const renamed = readFileSync(again, 'utf8').replace('"name":"a copy"', '"name":"exported"')
    assert.equal(withoutIds(renamed), withoutIds(text))
    assert.equal(text.split('\n')[0]?.slice(0, 15), '{"type":"book",')
    for (const path of ['/accounts?limit=200', '/accounts?limit=200&status=closed']) {
      assert.deepEqual(await definitionsOf(copy, path), await definitionsOf(book, path))
    }
  })

  it('as ndjson makes a book again whose batches were of all kinds', async () => {
    const own = await openBook(running.rest, { name: 'of batches' })
    await openAccounts(own, ['equity:own', 'expense:spare'])
    const till = { code: 'till', type: 'asset', currency: 'EUR', min_balance: '0' }
    const transaction = idOf(6)
    const hold = { ...transfer('till', 'expense:spare', 8), id: transaction, status: 'pending' }
    const items = [
      { open_account: till },
      { record: { ...transfer('equity:own', 'till', 9), effective_at: '2024-05-01' } },
      { record: { ...hold, effective_at: '2024-05-01' } },
      { post: { transaction, amount: '5', effective_at: '2024-05-02' } },
      { record: transfer('till', 'expense:spare', 99) },
      { reverse: { transaction, effective_at: 'original' } },
      { update_account: { account: 'till', name: 'The till' } },
      { change_metadata: { transaction, metadata: { of: 'a batch' } } },
    ]
    const { meta } = await own.post('/batch', { items, atomic: false })
    assert.deepEqual({ ...meta }, { applied: 7, existing: 0, refused: 1 })
    const file = await exportBook(running, own, 'batches.ndjson')
    const copy = await importAs('a copy of batches', file)
    const again = await exportBook(running, copy, 'batches-again.ndjson')
    const [text, copied] = [file, again].map((path) => readFileSync(path, 'utf8'))
    const renamed = copied!.replace('"name":"a copy of batches"', '"name":"of batches"')
    assert.equal(withoutIds(renamed), withoutIds(text!))
    const types = text!
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).type)
    assert.ok(types.includes('post_hold') && types.includes('reverse_transaction'))
  })

  it('as ndjson has what became of every hold', async () => {
    const file = await exportBook(running, book, 'holds.ndjson')
    const lines = readFileSync(file, 'utf8').trimEnd().split('\n')
    const ofHolds = lines.filter((line) =>
      /"type":"(post_hold|void_hold|change_metadata)"/.test(line),
    )
    const at = (day: number) => `"effective_at":"2024-04-0${day - 1}T22:00:00.000Z"`
    const post = (place: number, posting: string) =>
      `{"type":"post_hold","transaction":"${idOf(place)}","posting":{${posting}}}`
    const change = `{"type":"change_metadata","transaction":"${idOf(1)}","metadata":`
    const legs =
      '"entries":[{"account":"spare","direction":"debit","amount":"4"},' +
      '{"account":"assets:cash","direction":"credit","amount":"4"}]'
    assert.deepEqual(ofHolds, [
      post(1, `"amount":"30","remainder":"keep",${at(2)}`),
      post(1, at(3)),
      `{"type":"void_hold","transaction":"${idOf(2)}"}`,
      post(4, `${legs},${at(4)}`),
      post(5, `"amount":"20","remainder":"keep",${at(5)}`),
      `${change}{"paid":"in part","by":"hand"}}`,
      `${change}{"paid":"yes","by":null}}`,
      `{"type":"void_hold","transaction":"${idOf(3)}"}`,
    ])
  })

  const definitionsOf = async ({ list }: TestBook, path: string) =>
    (await list<AccountResource>(path)).map(
      ({ code, name, type, currency, min_balance, max_balance, status, metadata, balances }) => {
        return { code, name, type, currency, min_balance, max_balance, status, metadata, balances }
      },
    )

  it('as ndjson is imported once, however often it is', async () => {
    const file = await exportBook(running, book, 'twice.ndjson')
    const copy = await importAs('another copy', file)
    const { revision } = copy
    const again = await importAs('another copy', file)
    assert.equal(again.revision, revision)
  })

  it('as csv has what import reads, with the same balances at every date', async () => {
    const file = await exportBook(running, book, 'book.csv.gz')
    const text = gunzipSync(readFileSync(file)).toString()
    assert.match(
      text,
      /^txn,date,desc,status,reference,expires_at,account,type,amount,ccy,metadata.a:b,metadata.by,metadata.date,metadata.paid,metadata.why\n[^,]+,2024-01-16,,posted,,,equity:own,equity,-0.04,EUR,,,,,\n/,
    )
    const more = ['--currency', 'GOLD2:3']
    const copy = await importAs('a copy of csv', file, '--time-zone', 'Europe/Berlin', ...more)
    for (const query of ['', '?effective_at=2024-01-31', '?effective_at=2024-02-29']) {
      const path = `/reports/trial-balance${query}`
      assert.deepEqual(await balancesOf(copy, path), await balancesOf(book, path))
    }
  })

  const balancesOf = async ({ rest, path: at, revision }: TestBook, path: string) => {
    const { data } = await getWhenVisible<Balances>(rest, `${at}${path}`, revision)
    return data.accounts.map(({ account_id: _, ...balance }) => balance)
  }

  it('for hledger is in the order of dates, and keeps what would mean something else', async () => {
    const text = readFileSync(await exportBook(running, book, 'book.journal'), 'utf8')
    assert.ok(text.includes('commodity "GOLD2"\n  format 1000.000 "GOLD2"\n'))
    assert.ok(text.includes('account assets:cash\n  ; type: A\n  ; name: Cash%3B at hand\n'))
    const closed = /^account (gone\.\S+)\n {2}; type: R$/m.exec(text)?.[1]
    assert.ok(closed && text.includes('account gone\n'), text)
    const entries = text.split('\n\n').filter((part) => /^\d/.test(part))
    const days = entries.map((part) => part.slice(0, 12))
    const today = days.at(-2)
    assert.deepEqual(days, [
      '2024-01-16 *',
      '2024-01-31 *',
      '2024-02-29 *',
      '2024-03-01 *',
      '2024-03-02 *',
      '2024-03-03 *',
      '2024-04-01 !',
      '2024-04-02 *',
      '2024-04-03 *',
      '2024-04-04 *',
      '2024-04-05 *',
      '2024-04-06 *',
      today,
      '2099-01-01 *',
    ])
    assert.equal(
      entries[2]?.replace(uuid, 'ID'),
      [
        '2024-02-29 * (ID) first%3B [2011-01-01] "quoted",%0Aand a line',
        '    ; date_: 2011-01-01',
        '    ; a%3Ab: x%2C y%E2%80%A8z %5B=2012/01/01%5D',
        '    equity:own  -12.50 EUR',
        '    assets:cash  12.50 EUR',
      ].join('\n'),
    )
  })

  it('gives the same for the same revision, and what was known at an earlier one', async () => {
    const first = readFileSync(await exportBook(running, book, 'first.ndjson'), 'utf8')
    const at = ['--known-at', '2']
    const known = readFileSync(await exportBook(running, book, 'known.ndjson', at), 'utf8')
    assert.equal(readFileSync(await exportBook(running, book, 'next.ndjson'), 'utf8'), first)
    assert.ok(first.startsWith(known))
    assert.equal(known.trimEnd().split('\n').length, 1 + 5 + 1)
  })

  it('leaves out what takes effect after a day that it is asked for', async () => {
    const whole = readFileSync(await exportBook(running, book, 'whole.csv'), 'utf8')
    const until = ['--until', '2024-02-29']
    const part = readFileSync(await exportBook(running, book, 'part.csv', until), 'utf8')
    assert.ok(whole.startsWith(part))
    assert.equal(parse(part).length, 1 + 3 * 2)
  })

  it('writes to standard output where no file is named', async () => {
    const file = await exportBook(running, book, 'same.journal')
    const text = await run('export', '--book', 'exported', '--format', 'hledger')
    assert.equal(text, readFileSync(file, 'utf8'))
  })

  it('leaves no file behind when it is ended in the middle', async () => {
    const folder = testDirectory('killed')
    const file = join(folder, 'book.ndjson')
    const args = ['export', '--book', 'exported', '--format', 'ndjson', '--out', file]
    const { process, ended } = command(args)
    process.stderr?.once('data', () => process.kill('SIGKILL'))
    assert.equal((await ended).signal, 'SIGKILL')
    assert.equal(existsSync(file), false)
  })

  it('says what it cannot do', async () => {
    const wrong: [args: string[], says: RegExp][] = [
      [['--book', 'nowhere', '--format', 'csv'], /There is no book named nowhere/],
      [['--book', 'exported', '--format', 'xml'], /Allowed choices are hledger, csv, ndjson/],
      [['--book', 'exported', '--format', 'csv', '--known-at', '999'], /never known at 999/],
      [['--book', 'exported', '--format', 'csv', '--until', 'soon'], /Write it like 2024-02-29/],
      [
        ['--book', 'exported', '--format', 'ndjson', '--until', '2024-01-01'],
        /use --known-at in place of --until/,
      ],
    ]
    for (const [args, says] of wrong) {
      const { code, stderr, stdout } = await command(['export', ...args]).ended
      assert.equal(code, 1, stderr)
      assert.match(stderr, says)
      assert.equal(stdout, '')
    }
  })
})
