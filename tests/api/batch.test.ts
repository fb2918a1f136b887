import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { AccountResource, TransactionResource } from '../../src/queries/resources.ts'
import { openFundedBook, type TestBook, transfer } from '../support/book.ts'
import { type Daybook, daybook } from '../support/daybook.ts'
import { assertShowsItsEvents } from '../support/fold.ts'
import { eventsOf } from '../support/log-of-book.ts'

type Results = {
  results: {
    index: number
    status: string
    id?: string
    revision?: number
    error?: { code: string; message: string }
  }[]
}

describe('a batch of all kinds', () => {
  let running: Daybook
  let book: TestBook
  beforeEach(async () => {
    running = await daybook()
    book = await openFundedBook(running.rest, 100)
  })

  const apply = (items: readonly object[], more: object = {}, headers = {}) =>
    book.post<Results>('/batch', { items, ...more }, headers)
  const balances = async (code: string) =>
    (await book.get<AccountResource>(`/accounts/${code}`)).data.balances
  const told = ({ results }: Results) => results.map(({ status, error }) => error?.code ?? status)

  /** Opens an account, holds on it and posts a part of that; takes back what went two before. */
  const chain = () => {
    const [hold, mistake] = [randomUUID(), randomUUID()]
    const items = [
      { open_account: { code: 'asset:till', type: 'asset', currency: 'EUR', min_balance: '0' } },
      { record: transfer('asset:cash', 'asset:till', 50) },
      { record: { ...transfer('asset:till', 'asset:bank', 30), id: hold, status: 'pending' } },
      { record: { ...transfer('asset:cash', 'asset:bank', 20), id: mistake } },
      { post: { transaction: hold, amount: '10', remainder: 'keep' } },
      { reverse: { transaction: mistake, description: 'a mistake' } },
    ]
    return { items, hold, mistake }
  }

  it('is done item by item, each on what those before it made', async () => {
    const { items, hold, mistake } = chain()
    const { status, data, meta, headers } = await apply(items)
    assert.equal(status, 201)
    assert.deepEqual({ ...meta }, { applied: 6, existing: 0, refused: 0 })
    assert.deepEqual(told(data), [
      'opened',
      'recorded',
      'recorded',
      'recorded',
      'posted',
      'reversed',
    ])
    assert.equal(data.results[4]!.id, hold)
    assert.deepEqual(await balances('asset:cash'), { posted: '50', pending: '0', available: '50' })
    assert.deepEqual(await balances('asset:till'), {
      posted: '40',
      pending: '-20',
      available: '20',
    })
    assert.deepEqual(await balances('asset:bank'), { posted: '10', pending: '20', available: '10' })
    const reversed = await book.get<TransactionResource>(`/transactions/${mistake}`)
    assert.equal(reversed.data.reversed_by, data.results[5]!.id)
    const events = await eventsOf(running, book.id)
    const types = events.slice(4).map(({ type }) => type)
    assert.deepEqual(types, [
      'AccountsOpened',
      'TransactionsRecorded',
      'HoldPosted',
      'TransactionsRecorded',
      'BatchApplied',
    ])
    assert.equal(headers.get('daybook-revision'), String(events.at(-1)!.revision))
    for (const { id, revision } of data.results) {
      const event = events[revision!]
      assert.ok(JSON.stringify(event?.data).includes(id!), `${id} is not in event ${revision}`)
    }
    await assertShowsItsEvents(running, book)
  })

  it('is stored once under its key, and answered with the same bytes', async () => {
    const { items } = chain()
    const headers = { 'idempotency-key': randomUUID() }
    const before = (await eventsOf(running, book.id)).length
    const answers = await Promise.all(Array.from({ length: 10 }, () => apply(items, {}, headers)))
    const again = await apply(items, {}, headers)
    const [first, ...others] = answers.filter(({ headers }) => !headers.has('idempotent-replayed'))
    assert.equal(first?.status, 201, first?.text)
    assert.equal(others.length, 0)
    for (const answer of [...answers, again]) assert.equal(answer.text, first.text)
    assert.equal(again.headers.get('idempotent-replayed'), 'true')
    assert.equal((await eventsOf(running, book.id)).length, before + 5)
    const other = await apply(items.slice(1), {}, headers)
    assert.equal(other.error.code, 'idempotency_key_reused')
  })

  it('that is atomic is refused by its first refusal, which names the item', async () => {
    const before = (await eventsOf(running, book.id)).length
    const { items } = chain()
    const refused = await apply([...items, { record: transfer('asset:cash', 'asset:bank', 51) }])
    assert.equal(refused.status, 422)
    assert.equal(refused.error.code, 'balance_too_low')
    assert.match(refused.error.message, /^Item 6 of the batch: asset:cash would fall to -1 EUR/)
    assert.deepEqual(refused.error.details[0], {
      path: '/items/6',
      reason: 'asset:cash would fall to -1 EUR; its minimum is 0.',
    })
    assert.equal((await eventsOf(running, book.id)).length, before)
    const { status } = await book.get('/accounts/asset:till')
    assert.equal(status, 404)
  })

  it('of one item names it as one of many does, whatever it is a batch of', async () => {
    const paths = async (path: string, body: object) => {
      const { error } = await book.post(path, body)
      return (error.details as { path?: string }[]).flatMap((detail) => detail.path ?? [])
    }
    const unknown = transfer('nowhere', 'asset:cash', 1)
    const strange = { code: 'asset:strange', type: 'asset', currency: 'ZZZ' }
    const found = [
      await paths('/batch', { items: [{ record: unknown }] }),
      await paths('/transactions/batch', { transactions: [unknown] }),
      await paths('/transactions', unknown),
      await paths('/accounts/batch', { accounts: [strange] }),
      await paths('/accounts', strange),
    ]
    assert.deepEqual(found, [
      ['/items/0', '/items/0/record/transfers/0/from'],
      ['/transactions/0', '/transactions/0/transfers/0/from'],
      ['/transfers/0/from'],
      ['/accounts/0/currency'],
      ['/currency'],
    ])
  })

  it('of which each stands for itself says of every item what became of it', async () => {
    const known = { ...transfer('asset:cash', 'asset:bank', 1), id: randomUUID() }
    await book.post('/transactions', known)
    const items = [
      { record: known },
      { void: { transaction: known.id } },
      { freeze_account: { account: 'asset:bank' } },
      { record: transfer('asset:cash', 'asset:bank', 1) },
      { unfreeze_account: { account: 'asset:bank' } },
      { update_account: { account: 'asset:bank', code: 'asset:box', max_balance: '5' } },
      { record: transfer('asset:cash', 'asset:box', 5) },
      { change_metadata: { transaction: known.id, metadata: { paid: 'yes' } } },
      { open_account: { code: 'asset:spare', type: 'asset', currency: 'EUR' } },
      { close_account: { account: 'asset:spare' } },
      { reverse: { transaction: randomUUID() } },
    ]
    const { status, data, meta } = await apply(items, { atomic: false })
    assert.equal(status, 201)
    assert.deepEqual(told(data), [
      'existing',
      'not_pending',
      'frozen',
      'account_frozen',
      'unfrozen',
      'updated',
      'balance_too_high',
      'changed',
      'opened',
      'closed',
      'transaction_not_found',
    ])
    assert.deepEqual({ ...meta }, { applied: 6, existing: 1, refused: 4 })
    const changed = await book.get<TransactionResource>(`/transactions/${known.id}`)
    assert.deepEqual({ ...changed.data.metadata }, { paid: 'yes' })
    const nothing = await apply([{ record: known }], { atomic: false })
    assert.equal(nothing.status, 200)
    assert.deepEqual(told(nothing.data), ['existing'])
  })

  for (const [what, item, says] of [
    [
      'two things',
      { void: { transaction: randomUUID() }, record: {} },
      /\/items\/0: must have at most 1 field\./,
    ],
    ['nothing', {}, /\/items\/0: must have at least 1 field\./],
    ['what does not exist', { merge: {} }, /\/items\/0\/merge: merge is not a field here/],
    ['an id that is none', { post: { transaction: 'T1' } }, /\/items\/0\/post\/transaction/],
  ] as const) {
    it(`does not take an item that names ${what}`, async () => {
      const { status, error } = await apply([item])
      assert.equal(status, 400)
      assert.equal(error.code, 'invalid_request')
      assert.match(error.message, says)
    })
  }
})
