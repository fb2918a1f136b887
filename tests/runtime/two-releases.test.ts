import assert from 'node:assert/strict'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { ledger } from '../../src/projections/ledger/ledger.ts'
import type { ProjectionResource } from '../../src/queries/projections.ts'
import type { BookResource } from '../../src/queries/resources.ts'
import { breakBuild } from '../faults/broken-builds.ts'
import { openAccounts, openBook, type TestBook, toBook, transfer } from '../support/book.ts'
import {
  type Daybook,
  freshEnvironment,
  openDaybook,
  startCommand,
  startPart,
} from '../support/daybook.ts'
import { assertShowsItsEvents } from '../support/fold.ts'
import { getWhenVisible, type Rest, restClient, revisionOf } from '../support/rest.ts'
import { testDirectory } from '../support/services.ts'

const dist = fileURLToPath(new URL('../..', import.meta.url))
const tables = 'projections/ledger/tables.js'
const { version } = ledger

type Patches = Parameters<typeof breakBuild>[2]['patches']

/** A release to come: its ledger is of the next version, with another column. */
const nextRelease = (name: string, patches: Patches = []) =>
  breakBuild(dist, join(testDirectory('release'), name), {
    name,
    patches: [
      ...patches,
      {
        file: 'projections/ledger/ledger.js',
        from: `version: ${version},`,
        to: `version: ${version + 1},`,
      },
      {
        file: 'projections/ledger/ledger.js',
        from: 'maturing_until: null,',
        to: 'maturing_until: null, note: null,',
      },
      {
        file: tables,
        from: `maturing_until: maybe('timestamptz'),`,
        to: `maturing_until: maybe('timestamptz'), note: maybe('text'),`,
      },
    ],
  })

type Process = Awaited<ReturnType<typeof startPart>>

describe('two releases beside each other, whose ledgers are of two versions', function () {
  this.timeout(120_000)
  let old: Daybook
  let oldWorker: Awaited<ReturnType<Daybook['startWorker']>>
  let db: pg.Client
  let book: TestBook
  let main: string
  let worker: Process
  let api: Process
  let next: Rest
  /** Transactions that the book has at a revision. */
  const counts: number[] = []
  let stopWriting = async () => {}

  before(async () => {
    main = nextRelease('next')
    old = await openDaybook(await freshEnvironment(), { hasWorker: false })
    oldWorker = await old.startWorker()
    db = new pg.Client({ connectionString: old.environment['DATABASE_URL'] as string })
    await db.connect()
    book = await openBook(old.rest)
    await openAccounts(book, ['asset:cash', 'income:sales'])
    for (let revision = 0; revision <= book.revision; revision++) counts.push(0)
    for (let batch = 0; batch < 20; batch++) await write(old.rest, 200)
    const other = await openBook(old.rest)
    await openAccounts(other, ['asset:frozen'])
    await other.post('/accounts/asset:frozen/freeze', null)
    await other.get('/accounts')
  })
  after(async () => {
    await stopWriting().catch(() => {})
    await db?.end()
    await api?.kill()
    await worker?.kill()
    await old?.close()
  })

  const write = async (rest: Rest, size: number) => {
    const transactions = Array.from({ length: size }, (_, index) =>
      transfer('income:sales', 'asset:cash', index + 1),
    )
    const answer = await rest.post(`${book.path}/transactions/batch`, { transactions })
    assert.equal(answer.status, 201, answer.text)
    counts[revisionOf(answer)] = (counts.at(-1) ?? 0) + size
  }

  /** What an API says of the book is so at the revision that it names, and no older than asked for. */
  const readOwnWrites = async (rest: Rest) => {
    const asked = counts.length - 1
    const answer = await getWhenVisible<BookResource>(rest, book.path, asked)
    assert.equal(answer.status, 200, answer.text)
    const shown = revisionOf(answer)
    assert.ok(shown >= asked, `shows ${shown}, asked for ${asked}`)
    assert.equal(answer.data.transaction_count, counts[shown], `at revision ${shown}`)
  }

  const keepWriting = (...apis: readonly Rest[]) => {
    let isOver = false
    const going = (async () => {
      for (let turn = 0; !isOver; turn++) {
        await write(apis[turn % apis.length] as Rest, 1)
        for (const rest of apis) await readOwnWrites(rest)
      }
    })()
    going.catch(() => {})
    return async () => {
      isOver = true
      await going
    }
  }

  const liveVersions = async () => {
    const { rows } = await db.query<{ version: number }>(
      `select version from projection.live where projection = 'ledger' order by version`,
    )
    return rows.map((row) => row.version)
  }
  const showAll = async (rest: Rest) => {
    await assertShowsItsEvents(old, toBook(rest, book.id, book.revision))
  }

  it('stay as they are where the new one cannot fold what the old one has folded', async () => {
    const broken = nextRelease('broken', [
      {
        file: 'projections/ledger/ledger.js',
        from: `const isClosed = event.type === 'AccountClosed';`,
        to: `if (event.type === 'AccountFrozen') throw new Error('what is frozen?'); const isClosed = event.type === 'AccountClosed';`,
      },
    ])
    const environment = { ...old.environment, DAYBOOK_LOG_LEVEL: 'silent' }
    const builder = await startPart('worker', environment, broken)
    const ended = async () => {
      const { rows } = await db.query<{ stage: string; error: string }>(
        `select stage, error from projection.build
         where projection = 'ledger' and version = $1 and ended_at is not null`,
        [version + 1],
      )
      return rows[0]
    }
    for (;;) {
      const end = await ended()
      await sleep(50)
      if (!end) continue
      assert.deepEqual([end.stage, await liveVersions()], ['failed', [version]])
      assert.match(end.error, /halts at revision 2: what is frozen\?/)
      break
    }
    await builder.kill()
    await showAll(old.rest)
  })

  it('go on with the old one while the new one’s is built, and the new one says to wait', async () => {
    stopWriting = keepWriting(old.rest)
    api = await startPart('api', { ...old.environment, DAYBOOK_LOG_LEVEL: 'error' }, main)
    next = restClient(api.url, old.token)
    const early = await next.get(book.path)
    assert.deepEqual([early.status, early.error.code], [503, 'not_yet_visible'])
    assert.equal(early.headers.get('retry-after'), '1')
    assert.match(early.error.message, new RegExp(`Version ${version + 1} of ledger is being built`))
    worker = await startPart('worker', { ...old.environment, DAYBOOK_LOG_LEVEL: 'error' }, main)
    while ((await liveVersions()).length < 2) await sleep(50)
    await stopWriting()
    const list = async (rest: Rest) => {
      const { data } = await rest.get<ProjectionResource[]>('/v1/projections')
      const found = data.find(({ name }) => name === 'ledger')
      return [found?.version, found?.schema?.startsWith(`ledger_v${found.version}_`)]
    }
    assert.deepEqual(await list(old.rest), [version, true])
    assert.deepEqual(await list(next), [version + 1, true])
    await showAll(old.rest)
    await showAll(next)
  })

  it('show what is written through either, and nothing older than was asked for', async () => {
    stopWriting = keepWriting(old.rest, next)
    await sleep(3_000)
    await stopWriting()
    await showAll(old.rest)
    await showAll(next)
  })

  it('let the new one go alone, and then the old one again', async () => {
    await oldWorker.close()
    for (let turn = 0; turn < 20; turn++) {
      await write(next, 1)
      await readOwnWrites(next)
    }
    await api.kill()
    await worker.kill()
    const late = await old.rest.get(book.path, {
      'daybook-min-revision': String(counts.length - 1),
    })
    assert.deepEqual([late.status, late.error.code], [503, 'not_yet_visible'])
    oldWorker = await old.startWorker()
    await readOwnWrites(old.rest)
    await write(old.rest, 1)
    await showAll(old.rest)
    assert.deepEqual(await liveVersions(), [version, version + 1])
  })

  it('drop the old one’s build when it is told that nobody goes back to it', async () => {
    api = await startPart('api', { ...old.environment, DAYBOOK_LOG_LEVEL: 'error' }, main)
    const environment = { DAYBOOK_URL: api.url, DAYBOOK_TOKEN: old.token }
    const { code, stdout, stderr } = await startCommand(
      ['projections', 'drop', 'ledger'],
      environment,
    ).ended
    assert.equal(code, 0, stderr)
    assert.match(stdout, new RegExp(`into ledger_v${version}_b\\d+: retired`))
    assert.deepEqual(await liveVersions(), [version + 1])
  })
})
