import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { from as copyFrom } from 'pg-copy-streams'
import { connectPostgres, type Database } from '../../src/runtime/postgres.ts'
import { stalledPages } from '../../src/runtime/projections/stalled-pages.ts'
import { withDatabase } from '../faults/page-gate.ts'
import { openAccounts, openBook, type TestBook, transfer } from '../support/book.ts'
import { type Daybook, freshEnvironment, openDaybook, startPart } from '../support/daybook.ts'
import { assertShowsItsEvents } from '../support/fold.ts'
import { liveSchema, reportOf, startRebuild, untilEnded } from '../support/operations.ts'
import { freshDatabase } from '../support/services.ts'
import { buildStageGates, shutStageGate } from '../support/stage-gate.ts'

/** No wait of the worker ends before it was stopped, however slow the machine is. */
const patient = 'lock_timeout=60000&statement_timeout=60000&query_timeout=60000'
/** So many that their rows are copied. */
const transactions = Array.from({ length: 25 }, () => transfer('income:sales', 'asset:cash', 5))

describe('a worker that is stopped while it sends rows', function () {
  this.timeout(60_000)
  let running: Daybook
  let worker: Awaited<ReturnType<typeof startPart>>
  let book: TestBook
  let databaseUrl: string
  let db: pg.Client

  before(async () => {
    const environment = await freshEnvironment()
    databaseUrl = environment['DATABASE_URL'] as string
    running = await openDaybook(environment, { hasWorker: false })
    const own = { ...environment, DATABASE_URL: `${databaseUrl}?${patient}` }
    worker = await startPart('worker', own)
    book = await openBook(running.rest)
    await openAccounts(book, ['asset:cash', 'income:sales'])
    await write()
    await book.get('')
    db = new pg.Client({ connectionString: databaseUrl })
    await db.connect()
    await buildStageGates(db)
  })
  after(async () => {
    await worker?.kill()
    await db?.end()
    await running?.close()
  })

  const write = async () => {
    const { status, text } = await book.post('/transactions/batch', { transactions })
    assert.equal(status, 201, text)
  }

  const untilCopying = async (sessions: number, condition: string): Promise<void> => {
    const text = `select from pg_stat_activity where query like 'copy %' and ${condition}`
    while ((await db.query(text)).rowCount !== sessions) await sleep(20)
  }

  /**
   * It has begun to copy a page and its part of a rebuild, and waits for locks; when it gets them,
   * nobody is there to go on. Gives the operation.
   */
  const stopInCopy = async (): Promise<string> => {
    const gate = await shutStageGate(databaseUrl, 'folding')
    const { id, schema } = await startRebuild(running.rest, { keep_seconds: 0 })
    await gate.whoStands()
    const live = await liveSchema(db)
    await withDatabase(databaseUrl, async (locking) => {
      await locking.query(`begin; lock table ${live}.entry, ${schema}.entry in share mode`)
      await gate.open()
      await write()
      await untilCopying(2, `wait_event_type = 'Lock'`)
      worker.process.kill('SIGSTOP')
    })
    await untilCopying(2, `state = 'active' and wait_event = 'ClientRead'`)
    return id
  }

  it('loses its page, and its part of a rebuild, to another one, and folds on when it continues', async () => {
    const id = await stopInCopy()
    const other = await running.startWorker()
    await assertShowsItsEvents(running, book)
    await db.query('update projection.build set lease_until = now() where operation = $1', [id])
    const rebuilt = await untilEnded(running.rest, id)
    assert.equal(rebuilt.stage, 'live', rebuilt.error ?? '')
    assert.deepEqual(reportOf(rebuilt).problems, [])
    await other.close()
    worker.process.kill('SIGCONT')
    await write()
    await assertShowsItsEvents(running, book)
    assert.equal(worker.process.exitCode, null)
  })
})

describe('pages that stand still', function () {
  this.timeout(30_000)
  let databaseUrl: string
  let db: Database
  let look: () => Promise<number[]>

  before(async () => {
    databaseUrl = await freshDatabase()
    db = connectPostgres(databaseUrl, { max: 1, statementMs: 5_000, onError: () => {} })
    await db.query('create table checkpoint (book_id uuid); create table line (text text)')
  })
  beforeEach(() => {
    look = stalledPages(db)
  })
  after(() => db?.end())

  const untilSent = async (pid: number, bytes: number): Promise<void> => {
    const text = `select from pg_stat_activity join pg_stat_progress_copy using (pid)
      where pid = $1 and wait_event = 'ClientRead' and bytes_processed = $2`
    while ((await db.query(text, [pid, bytes])).rowCount === 0) await sleep(5)
  }

  /** While a session has begun to copy; what goes wrong with it is told to nobody. */
  const whileCopying = (
    begin: string,
    work: (send: (line: string) => void, pid: number) => Promise<void>,
  ): Promise<void> =>
    withDatabase(databaseUrl, async (client) => {
      await client.query(begin)
      const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
      const [session] = rows
      assert(session)
      const copy = client.query(copyFrom('copy line from stdin'))
      copy.on('error', () => {})
      await work((line) => copy.write(line), session.pid)
    })

  const lookOften = async (times: number, between: () => Promise<unknown>): Promise<number[][]> => {
    const ended: number[][] = []
    for (let time = 0; time < times; time++) {
      await between()
      ended.push(await look())
    }
    return ended
  }

  const locked = 'begin; select from checkpoint for update'
  const nobody = Array.from({ length: 5 }, () => [])

  it('are ended when they were at the same place five times before', () =>
    whileCopying(locked, async (send, pid) => {
      send('one\n')
      await untilSent(pid, 4)
      assert.deepEqual(await lookOften(6, async () => {}), [...nobody, [pid]])
    }))

  it('are left alone while rows come, however slowly', () =>
    whileCopying(locked, async (send, pid) => {
      let bytes = 0
      const sendOne = async () => {
        send('one\n')
        bytes += 4
        await untilSent(pid, bytes)
      }
      assert.deepEqual(await lookOften(10, sendOne), [...nobody, ...nobody])
    }))

  it('are told from what others copy, who have no checkpoint locked', () =>
    whileCopying('begin; select from checkpoint', async (send, pid) => {
      send('one\n')
      await untilSent(pid, 4)
      assert.deepEqual(await lookOften(10, async () => {}), [...nobody, ...nobody])
    }))
})
