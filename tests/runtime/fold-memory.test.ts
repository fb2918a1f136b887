import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { advance } from '../../src/runtime/projections/advance.ts'
import { readCheckpoint } from '../../src/runtime/projections/apply-page.ts'
import type { Build } from '../../src/runtime/projections/build.ts'
import type { Known } from '../../src/runtime/projections/fold-memory.ts'
import { event, hashOf, openSweeping } from '../support/sweeping.ts'

describe('a book that is asked for up to a revision', function () {
  this.timeout(30_000)

  let sweeping: Awaited<ReturnType<typeof openSweeping>>
  let build: Build
  let book: string
  before(async () => {
    sweeping = await openSweeping(() => Promise.resolve())
    build = sweeping.builds[0] as Build
  })
  after(() => sweeping?.close())

  const append = (from: number, to: number) => {
    const events = Array.from({ length: to - from + 1 }, (_, place) => event(book, from + place))
    return sweeping.own.append(book, from - 1, events)
  }
  const fold = (upTo?: number) =>
    advance(sweeping.projecting, build, book, upTo === undefined ? {} : { upTo })
  const known = (): Known => {
    const { memory } = sweeping.projecting
    const found = memory.take(build, book)
    assert.ok(found)
    memory.keep(build, book, found)
    return found
  }
  const folded = async () => (await readCheckpoint(sweeping.db, build, book)).revision

  beforeEach(async () => {
    book = randomUUID()
    await append(0, 9)
    await fold()
  })

  it('has the whole page folded that the revision is in', async () => {
    await append(10, 49)
    assert.equal(await fold(12), 'caught_up')
    assert.equal(await folded(), 49)
  })

  it('keeps its rows in memory where it was folded as far meanwhile', async () => {
    const { set } = known()
    assert.equal(await fold(5), 'caught_up')
    assert.equal(known().set, set)
    await append(10, 10)
    await fold()
    assert.equal(known().set, set)
    assert.equal(await folded(), 10)
  })

  it('is folded again, from what Postgres has, where that has lost what was folded', async () => {
    const { set } = known()
    const lost = [book, hashOf(book, 3)]
    await sweeping.db.query(
      `update ${build.schema}.checkpoint set revision = 3, event_hash = $2 where book_id = $1`,
      lost,
    )
    assert.equal(await fold(5), 'caught_up')
    assert.notEqual(known().set, set)
    assert.equal(await folded(), 9)
  })
})
