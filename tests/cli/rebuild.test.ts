import assert from 'node:assert/strict'
import pg from 'pg'
import { ledger } from '../../src/projections/ledger/ledger.ts'
import type { OperationResource } from '../../src/queries/projections.ts'
import type { BookResource } from '../../src/queries/resources.ts'
import { openAccounts, openBook, type TestBook, transfer } from '../support/book.ts'
import { type Daybook, freshEnvironment, openDaybook, startCommand } from '../support/daybook.ts'
import { liveSchema, startRebuild } from '../support/operations.ts'

describe('daybook rebuild and daybook projections', function () {
  this.timeout(120_000)
  let running: Daybook
  let db: pg.Client
  let book: TestBook
  let first: string
  let rebuilt: string

  before(async () => {
    running = await openDaybook(await freshEnvironment())
    db = new pg.Client({ connectionString: running.environment['DATABASE_URL'] as string })
    await db.connect()
    book = await openBook(running.rest)
    await openAccounts(book, ['asset:cash', 'income:sales'])
    const transactions = Array.from({ length: 50 }, (_, index) =>
      transfer('income:sales', 'asset:cash', index + 1),
    )
    await book.post('/transactions/batch', { transactions })
    await book.get('/accounts')
    first = await liveSchema(db)
  })
  after(async () => {
    await db?.end()
    await running?.close()
  })

  const run = (...args: readonly string[]) => {
    const environment = { DAYBOOK_URL: running.rest.url, DAYBOOK_TOKEN: running.token }
    return startCommand(args, environment).ended
  }

  it('shows how far the rebuild is, and what was verified', async () => {
    const { code, stdout, stderr } = await run('rebuild', 'ledger')
    assert.equal(code, 0, stderr)
    assert.match(stderr, /Operation [0-9a-f-]{36}, schema ledger_v\d+_b\d+/)
    assert.match(stdout, /Verified, equal to the live build: 1 book;/)
    for (const rows of ['100 entry', '50 transaction']) assert(stdout.includes(rows), stdout)
    assert(stdout.includes(`${await liveSchema(db)} is live`))
    rebuilt = await liveSchema(db)
  })

  it('names what was changed by hand, and ends with 1', async () => {
    const change = (by: string) => db.query(`update ${rebuilt}.account set posted = posted ${by}`)
    await change('+ 7')
    const { code, stdout, stderr } = await run('projections', 'diff', 'ledger')
    assert.equal(code, 1)
    assert(stderr.includes(`account of the live build (${rebuilt}) is not what was folded`))
    assert.match(stdout, /account \{"id":"[^"]+"\}: posted is 1282, and 1275 when folded anew/)
    await change('- 7')
    const again = await run('projections', 'diff', 'ledger')
    assert.equal(again.code, 0, again.stderr)
  })

  it('goes back, and drops what is not wanted any more', async () => {
    const back = await run('projections', 'rollback', 'ledger')
    assert.equal(back.code, 0, back.stderr)
    assert(back.stdout.includes(`${first} is live`))
    const dropped = await run('projections', 'drop', 'ledger')
    assert(dropped.stdout.includes(`into ${rebuilt}: retired`))
    const list = await run('projections', 'list')
    assert(list.stdout.includes(`ledger version ${ledger.version}, live: ${first}`))
    assert.match(list.stdout, /1 book, 3 events, 0 books behind/)
  })

  it('says what to do where there is nothing to do it to', async () => {
    const none = await run('projections', 'pause', 'ledger')
    assert.match(none.stderr, /no build of ledger to pause\. See: daybook projections list/)
    const unknown = await run('rebuild', 'nothing')
    assert.equal(unknown.code, 1)
    assert.match(unknown.stderr, /There is no projection of this name/)
    const nowhere = await run('rebuild', 'ledger', '--book', 'nowhere')
    assert.match(nowhere.stderr, /no book named nowhere, or it is not yours/)
    const { data } = await book.get<BookResource>('')
    const well = await run('projections', 'retry', 'ledger', data.name)
    assert.match(well.stderr, /No event halts this book/)
  })

  it('is followed as server-sent events, from where the reader was', async () => {
    const { id } = await startRebuild(running.rest)
    const headers = { authorization: `Bearer ${running.token}`, accept: 'text/event-stream' }
    const follow = async (more: Record<string, string> = {}) => {
      const url = `${running.rest.url}/v1/operations/${id}/events`
      const response = await fetch(url, { headers: { ...headers, ...more } })
      assert.match(response.headers.get('content-type') ?? '', /^text\/event-stream/)
      return response.text()
    }
    const text = await follow()
    const states = [...text.matchAll(/^data: (.*)$/gm)].map(
      ([, data]) => JSON.parse(data as string) as OperationResource,
    )
    assert.equal(states.at(-1)?.stage, 'live')
    const last = [...text.matchAll(/^id: (.*)$/gm)].at(-1)?.[1] as string
    assert.equal(await follow({ 'last-event-id': last }), '')
  })
})
