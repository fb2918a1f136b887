import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type {
  AccountResource,
  SettlementResource,
  StatementLine,
  TransactionResource,
} from '../../src/queries/resources.ts'
import { openBook, openFundedBook, type TestBook, transfer } from '../support/book.ts'
import { type Daybook, daybook } from '../support/daybook.ts'
import { assertShowsItsEvents } from '../support/fold.ts'

describe('a hold', () => {
  let running: Daybook
  let book: TestBook
  beforeEach(async () => {
    running = await daybook()
    book = await openFundedBook(running.rest, 100)
  })

  const hold = async (amount: number, more: object = {}): Promise<TransactionResource> => {
    const body = { ...transfer('asset:cash', 'asset:bank', amount), status: 'pending', ...more }
    const answer = await book.post<TransactionResource>('/transactions', body)
    assert.equal(answer.status, 201, answer.text)
    return answer.data
  }
  const shown = async (id: string) =>
    (await book.get<TransactionResource>(`/transactions/${id}`)).data
  const balances = async (code: string) =>
    (await book.get<AccountResource>(`/accounts/${code}`)).data.balances
  const post = (id: string, body: object = {}) =>
    book.post<SettlementResource>(`/transactions/${id}/post`, body)
  const void_ = (id: string) => book.post<SettlementResource>(`/transactions/${id}/void`, null)
  const amounts = ({ entries }: Pick<TransactionResource, 'entries'>) =>
    entries.map(({ amount, posted, remaining }) => [amount, posted, remaining])

  it('is answered and shown as pending, with what is held', async () => {
    const expires_at = '2099-01-01T00:00:00.000Z'
    const made = await hold(40, { expires_at, reference: 'INV-1' })
    assert.equal(made.status, 'pending')
    assert.deepEqual(amounts(made), Array(2).fill(['40', '0', '40']))
    const read = await shown(made.id)
    const entries = read.entries.map(({ account_code: _, ...entry }) => entry)
    assert.deepEqual({ ...read, entries }, made)
    assert.equal(read.expires_at, expires_at)
    assert.equal(read.reference, 'INV-1')
    assert.equal(read.entries[0]!.account_code, 'asset:cash')
  })

  it('takes from what is available at once, and adds nothing to it', async () => {
    await hold(40)
    assert.deepEqual(await balances('asset:cash'), {
      posted: '100',
      pending: '-40',
      available: '60',
    })
    assert.deepEqual(await balances('asset:bank'), { posted: '0', pending: '40', available: '0' })
    const refused = await book.post('/transactions', transfer('asset:cash', 'asset:bank', 61))
    assert.equal(refused.error.code, 'balance_too_low')
  })

  it('counts when it is posted, at the time of its posting', async () => {
    const { id } = await hold(40, { effective_at: '2024-01-01' })
    const { status, data } = await post(id, { amount: '30', effective_at: '2024-02-01' })
    assert.equal(status, 200)
    assert.equal(data.status, 'posted')
    assert.equal(data.effective_at, '2024-02-01T00:00:00.000Z')
    assert.deepEqual(amounts(data as never), Array(2).fill(['30', '30', '0']))
    const { data: lines } = await book.get<StatementLine[]>('/accounts/asset:bank/entries')
    assert.deepEqual(
      lines.map(({ transaction_id, effective_at, amount, running_balance }) => [
        transaction_id,
        effective_at,
        amount,
        running_balance,
      ]),
      [[id, '2024-02-01T00:00:00.000Z', '30', '30']],
    )
    const read = await shown(id)
    assert.equal(read.status, 'posted')
    assert.equal(read.settled_revision, data.revision)
    assert.equal(read.settled_at, data.created_at)
    assert.equal(read.effective_at, data.effective_at)
    assert.deepEqual(amounts(read), Array(2).fill(['40', '30', '0']))
    assert.deepEqual(await balances('asset:cash'), { posted: '70', pending: '0', available: '70' })
  })

  it('is posted in parts while the rest is kept', async () => {
    const { id } = await hold(40)
    const first = await post(id, { amount: '10', remainder: 'keep' })
    assert.deepEqual(
      [first.data.status, ...amounts(first.data as never)[0]!],
      ['pending', '10', '10', '30'],
    )
    await post(id, { amount: '5', remainder: 'keep' })
    const last = await void_(id)
    assert.deepEqual(
      [last.data.status, ...amounts(last.data as never)[0]!],
      ['voided', '25', '15', '0'],
    )
    const { data: lines } = await book.get<StatementLine[]>('/accounts/asset:bank/entries')
    assert.deepEqual(
      lines.map(({ amount }) => amount),
      ['10', '5'],
    )
    assert.deepEqual(amounts(await shown(id))[0], ['40', '15', '0'])
  })

  it('is found by its status, its reference and its accounts', async () => {
    const made = await hold(40, { reference: 'INV-1' })
    const other = await hold(10)
    await void_(other.id)
    const ids = async (filter: string) =>
      (await book.list<TransactionResource>(`/transactions?${filter}`)).map(({ id }) => id)
    assert.deepEqual(await ids('status=pending'), [made.id])
    assert.deepEqual(await ids('status=voided'), [other.id])
    assert.deepEqual(await ids('status=expired'), [])
    assert.deepEqual(await ids('reference=INV-1'), [made.id])
    assert.deepEqual(await ids('reference=INV-2'), [])
    assert.deepEqual(await ids('account=asset:bank'), [other.id, made.id])
    assert.equal((await book.get('/transactions?status=held')).status, 400)
  })

  it('says why it cannot be posted or voided', async () => {
    const { id } = await hold(40)
    const code = async (answer: ReturnType<typeof post>, status: number) => {
      const { status: found, error } = await answer
      assert.equal(found, status)
      return error.code
    }
    assert.equal(await code(post(id, { amount: '41' }), 422), 'amount_exceeds_hold')
    assert.equal(await code(post(id, { amount: 41 }), 400), 'amount_not_a_string')
    assert.equal(await code(post(id, { part: '1' }), 400), 'invalid_request')
    assert.equal(await code(post(randomUUID()), 404), 'transaction_not_found')
    assert.equal(await code(post('no-id'), 404), 'transaction_not_found')
    await post(id)
    assert.equal(await code(post(id), 409), 'hold_already_posted')
    assert.equal(await code(void_(id), 409), 'hold_already_posted')
    const paid = transfer('equity:world', 'asset:cash', 1)
    const { data } = await book.post<TransactionResource>('/transactions', paid)
    assert.equal(await code(void_(data.id), 409), 'not_pending')
    const past = { ...paid, status: 'pending', expires_at: '2020-01-01T00:00:00Z' }
    const refused = await book.post('/transactions', past)
    assert.equal(refused.error.code, 'invalid_request')
    assert.match(refused.error.message, /lies in the past/)
    const day = { ...past, expires_at: '2099-01-01' }
    assert.match((await book.post('/transactions', day)).error.message, /an instant/)
  })

  it('is posted by exactly one of two, through different APIs', async () => {
    const other = await running.startApi()
    try {
      for (let round = 0; round < 5; round++) {
        const { id } = await hold(10)
        const path = `${book.path}/transactions/${id}/post`
        const answers = await Promise.all([
          ...[1, 2, 3].map(() => running.rest.post(path, {})),
          ...[1, 2, 3].map(() => other.post(path, {})),
        ])
        assert.deepEqual(
          answers.map(({ status }) => status).sort((a, b) => a - b),
          [200, 409, 409, 409, 409, 409],
        )
        for (const { status, error } of answers) {
          if (status === 409) assert.equal(error.code, 'hold_already_posted')
        }
      }
      assert.equal(
        (await book.post('/transactions', transfer('asset:bank', 'asset:cash', 50))).status,
        201,
      )
    } finally {
      await other.close()
    }
    await assertShowsItsEvents(running, book)
  })

  it('belongs to its book, and to those who may write there', async () => {
    const { id } = await hold(40)
    const other = await openBook(running.rest)
    const answer = await other.post(`/transactions/${id}/post`, {})
    assert.equal(answer.error.code, 'transaction_not_found')
  })
})
