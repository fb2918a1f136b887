import assert from 'node:assert/strict'
import fc from 'fast-check'
import { openAccounts } from '../../src/commands/open-accounts.ts'
import { openBook } from '../../src/commands/open-book.ts'
import {
  recordTransactions,
  type TransactionRequest,
} from '../../src/commands/record-transactions.ts'
import { normalSide } from '../../src/domain/account.ts'
import { isInRange } from '../../src/domain/amount.ts'
import type { Recorded } from '../../src/domain/events/index.ts'
import { upcast } from '../../src/domain/upcast.ts'
import { ledger, memberTag } from '../../src/projections/ledger/ledger.ts'
import { keyOf, keyText, untyped } from '../../src/projections/projection.ts'
import { missingRows, rowSet } from '../../src/runtime/projections/row-set.ts'
import type { AnyRow } from '../../src/runtime/projections/row-text.ts'
import { goldenLog } from '../support/golden-book.ts'
import { type History, history, runs, type Settlement, start } from '../support/histories.ts'
import { actor, bookId, idSource, receivedOf } from '../support/received.ts'
import { logOf, sampleLog } from '../support/sample-book.ts'
import { settling } from '../support/settling.ts'

const projection = untyped(ledger)

type ReadModel = {
  readonly keyed: Map<string, Map<string, AnyRow>>
  readonly added: Map<string, AnyRow[]>
  readonly tags: Set<string>
}

const names = Object.keys(projection.tables)
const emptyModel = (): ReadModel => ({
  keyed: new Map(names.map((name) => [name, new Map()])),
  added: new Map(names.map((name) => [name, []])),
  tags: new Set(),
})

/** Folds a page as the runner does: the rows that it needs are there, and those that were kept. */
const foldPage = (
  model: ReadModel,
  events: readonly Recorded[],
  set = rowSet(projection),
): void => {
  for (const [name, keys] of missingRows(projection, events, bookId, set)) {
    for (const key of keys.values()) {
      const row = model.keyed.get(name)!.get(keyText(key))
      if (row) set.load(name, row)
    }
  }
  for (const event of events) projection.apply(event, set.rows, bookId)
  for (const [name, table] of Object.entries(projection.tables)) {
    const { fresh, changed } = set.take(name)
    for (const row of table.isAppendOnly ? [] : fresh) {
      const key = keyOf(table, row)
      assert(!model.keyed.get(name)!.has(key), `${name} ${key} is not new`)
      model.keyed.get(name)!.set(key, row)
    }
    for (const { after } of changed) model.keyed.get(name)!.set(keyOf(table, after), after)
    if (table.isAppendOnly) model.added.get(name)!.push(...fresh)
  }
  for (const tag of set.takeTags()) model.tags.add(tag)
}

const fold = (...pages: readonly (readonly Recorded[])[]): ReadModel => {
  const model = emptyModel()
  for (const page of pages) foldPage(model, page)
  return model
}

/** The same by one who keeps so many rows of each table from page to page. */
const foldKeeping = (keep: number, ...pages: readonly (readonly Recorded[])[]): ReadModel => {
  const model = emptyModel()
  const set = rowSet(projection, { keep })
  const most = 1.5 * keep * Object.keys(projection.tables).length
  for (const page of pages) {
    foldPage(model, page, set)
    assert.ok(set.size() <= most, `${set.size()} rows are kept`)
  }
  return model
}

type AccountRow = {
  id: string
  code: string
  status: string
  type: 'asset' | 'liability' | 'equity' | 'income' | 'expense'
  posted: bigint
  pending_increase: bigint
  pending_decrease: bigint
  entry_count: number
  revision: number
  in_order_until: string | null
  in_order_balance: bigint
  maturing_until: string | null
  created_at: string
  updated_at: string
}
type TransactionRow = {
  status: string
  effective_at: string
  expires_at: string | null
  settled_revision: number | null
  settled_at: string | null
  hold: readonly { amount: string; posted: string; remaining: string }[]
}
type EntryRow = {
  transaction_id: string
  line: number
  account_id: string
  revision: number
  effective_at: string
  direction: 'debit' | 'credit'
  amount: bigint
  in_order_balance: bigint | null
  created_at: string
}
type BookRow = {
  account_count: number
  closed_through: string | null
  transaction_count: number
  entry_count: number
  updated_at: string
}

const accountsOf = ({ keyed }: ReadModel) =>
  [...keyed.get('account')!.values()] as unknown as AccountRow[]
const accountOf = (model: ReadModel, code: string) => {
  const account = accountsOf(model).find((one) => one.code === code)
  assert(account)
  return account
}
const entriesOf = ({ added }: ReadModel, { id }: AccountRow) =>
  (added.get('entry') as unknown as EntryRow[]).filter(({ account_id }) => account_id === id)
const bookOf = ({ keyed }: ReadModel) => keyed.get('book')!.get(bookId) as unknown as BookRow

/** A book with cash and sales, and what is recorded in it a minute apart. */
const recorded = (...transactions: readonly TransactionRequest[]): Recorded[] => {
  const nextId = idSource()
  let now = Date.parse('2024-03-01T11:58:00Z')
  const accounts = [
    { code: 'cash', type: 'asset', currency: 'EUR' } as const,
    { code: 'sales', type: 'income', currency: 'EUR' } as const,
  ]
  return logOf(
    [
      receivedOf(openBook, { name: 'main' }, { nextId }),
      receivedOf(openAccounts, { accounts }, { nextId }),
      ...transactions.map((one) =>
        receivedOf(recordTransactions, { transactions: [one], atomic: true }, { nextId }),
      ),
    ].map((received) => ({ received: received as never, now: (now += 60_000) })),
  )
}

const sale = (amount: string, effective_at?: string): TransactionRequest => ({
  transfers: [{ from: 'sales', to: 'cash', amount }],
  ...(effective_at !== undefined && { effective_at }),
})
const refund = (amount: string, effective_at?: string): TransactionRequest => ({
  transfers: [{ from: 'cash', to: 'sales', amount }],
  ...(effective_at !== undefined && { effective_at }),
})

describe('the ledger projection', () => {
  it('folds the log that the first release recorded', () => {
    const { keyed } = fold(goldenLog.map((stored) => upcast(stored)))
    const found = [...keyed.get('account')!.values()].map(({ code, posted }) => [code, posted])
    const most = 10n ** 38n - 1n
    assert.deepEqual(found, [
      ['cash', 1257n],
      ['sales', 1257n],
      ['vault', most],
      ['owner', most],
    ])
  })

  it('keeps a running balance of entries that come in the order of their dates', () => {
    const model = fold(
      recorded(sale('10', '2024-01-01'), sale('5', '2024-01-01'), refund('3', '2024-02-01')),
    )
    const cash = accountOf(model, 'cash')
    assert.deepEqual(
      entriesOf(model, cash).map(({ in_order_balance }) => in_order_balance),
      [10n, 15n, 12n],
    )
    assert.equal(cash.posted, 12n)
    assert.equal(cash.in_order_balance, 12n)
    assert.equal(cash.in_order_until, '2024-02-01T00:00:00.000Z')
    assert.equal(accountOf(model, 'sales').posted, 12n)
  })

  it('keeps late entries out of it', () => {
    const model = fold(
      recorded(sale('10', '2024-02-01'), sale('5', '2024-01-01'), sale('1', '2024-02-01')),
    )
    const cash = accountOf(model, 'cash')
    assert.deepEqual(
      entriesOf(model, cash).map(({ in_order_balance }) => in_order_balance),
      [10n, null, 11n],
    )
    assert.equal(cash.posted, 16n)
    assert.equal(cash.in_order_balance, 11n)
    assert.equal(cash.in_order_until, '2024-02-01T00:00:00.000Z')
  })

  it('keeps entries dated in the future out of it, so that they do not make others late', () => {
    const model = fold(recorded(sale('10', '2024-06-01'), sale('5'), sale('1', '2024-06-01')))
    const cash = accountOf(model, 'cash')
    assert.deepEqual(
      entriesOf(model, cash).map(({ in_order_balance }) => in_order_balance),
      [null, 5n, null],
    )
    assert.equal(cash.posted, 16n)
  })

  it('remembers until when an increase is to come, and only an increase', () => {
    const until = (...transactions: TransactionRequest[]) => {
      const model = fold(recorded(...transactions))
      return ['cash', 'sales'].map((code) => accountOf(model, code).maturing_until)
    }
    assert.deepEqual(until(sale('10'), sale('10', '2024-01-01')), [null, null])
    assert.deepEqual(until(sale('10', '2024-06-01')), Array(2).fill('2024-06-01T00:00:00.000Z'))
    assert.deepEqual(until(refund('10', '2024-06-01')), [null, null])
    assert.deepEqual(
      until(sale('1', '2024-06-01'), sale('1', '2024-07-01'), sale('1', '2024-05-01'), sale('1')),
      Array(2).fill('2024-07-01T00:00:00.000Z'),
    )
  })

  it('counts, and says when and by which event something changed last', () => {
    const log = recorded(sale('10'), {
      transfers: [sale('1').transfers![0]!, sale('2').transfers![0]!],
    })
    const model = fold(log)
    const book = bookOf(model)
    assert.deepEqual([book.account_count, book.transaction_count, book.entry_count], [2, 2, 6])
    assert.equal(book.updated_at, log[3]!.metadata.recorded_at)
    const cash = accountOf(model, 'cash')
    assert.equal(cash.entry_count, 3)
    assert.equal(cash.revision, 3)
    assert.equal(cash.created_at, log[1]!.metadata.recorded_at)
    assert.equal(cash.updated_at, log[3]!.metadata.recorded_at)
    assert.deepEqual(
      (model.added.get('entry') as unknown as EntryRow[]).map(({ revision, line }) => [
        revision,
        line,
      ]),
      [
        [2, 0],
        [2, 1],
        [3, 0],
        [3, 1],
        [3, 2],
        [3, 3],
      ],
    )
  })

  it('takes 38 digits, and sums that pass over more within one transaction', () => {
    const largest = '9'.repeat(38)
    const model = fold(recorded(sale(largest), refund(largest), refund(largest)))
    const cash = accountOf(model, 'cash')
    assert.equal(cash.posted, -BigInt(largest))
    assert.deepEqual(
      entriesOf(model, cash).map(({ in_order_balance }) => in_order_balance),
      [BigInt(largest), 0n, -BigInt(largest)],
    )
  })

  it('has no running balance of more than 38 digits, where late entries keep the real one small', () => {
    const largest = '9'.repeat(38)
    const model = fold(
      recorded(
        sale(largest, '2024-02-01'),
        refund(largest, '2024-01-01'),
        sale(largest, '2024-02-01'),
        refund('1', '2024-02-01'),
      ),
    )
    const cash = accountOf(model, 'cash')
    assert.deepEqual(
      entriesOf(model, cash).map(({ in_order_balance }) => in_order_balance),
      [BigInt(largest), null, null, BigInt(largest) - 1n],
    )
    assert.equal(cash.posted, BigInt(largest) - 1n)
  })

  it('names the tags of what changed', () => {
    const log = recorded(sale('10'))
    const model = fold(log)
    const ids = accountsOf(model).map(({ id }) => `account:${id}`)
    const all = [...ids, `book:${bookId}`, memberTag(bookId, actor)]
    assert.deepEqual([...model.tags].sort(), all.sort())
  })

  it('takes every kind of event', () => {
    const model = fold(sampleLog())
    assert.equal(bookOf(model).transaction_count, 4)
    assert.equal(accountOf(model, 'vault').posted, 10n ** 38n - 1n)
    assert.equal(accountOf(model, 'till').status, 'closed')
    assert.equal(bookOf(model).account_count, 5)
    assert.equal(bookOf(model).closed_through, '2024-01-31')
  })

  it('throws where an event is missing before this one', () => {
    const log = recorded(sale('10'))
    assert.throws(() => fold(log.slice(1)), /has no book/)
    assert.throws(() => fold([log[0]!, log[2]!]), /has no account/)
  })
})

describe('a hold in the ledger projection', () => {
  const hold: TransactionRequest = {
    ...refund('40'),
    id: '401d0000-0000-7000-8000-000000000001',
    status: 'pending',
    expires_at: '2024-03-09T00:00:00.000Z',
  }
  const transaction = hold.id!
  const foldHold = (...settlements: readonly Settlement[]) => {
    const nextId = idSource('b')
    const log = logOf(
      [
        receivedOf(openBook, { name: 'main' }, { nextId }),
        receivedOf(
          openAccounts,
          {
            accounts: [
              { code: 'cash', type: 'asset', currency: 'EUR' },
              { code: 'sales', type: 'income', currency: 'EUR' },
            ],
          },
          { nextId },
        ),
        ...[sale('100'), hold].map((one) =>
          receivedOf(recordTransactions, { transactions: [one], atomic: true }, { nextId }),
        ),
        ...settlements.map((one) => settling(one, nextId)),
      ].map((received, minute) => ({
        received: received as never,
        now: Date.parse('2024-03-01T12:00:00Z') + minute * 60_000,
      })),
    )
    assert.equal(log.length, 4 + settlements.length)
    const model = fold(log)
    const { posted, pending_increase, pending_decrease, entry_count } = accountOf(model, 'cash')
    return { model, log, cash: [posted, pending_increase, pending_decrease, entry_count] }
  }
  const rowOf = ({ keyed }: ReadModel) =>
    keyed.get('transaction')!.get(transaction) as unknown as TransactionRow

  it('is pending, and no entry of any statement', () => {
    const { model, cash } = foldHold()
    assert.deepEqual(cash, [100n, 0n, 40n, 1])
    const { status, expires_at, settled_revision, hold: lines } = rowOf(model)
    assert.deepEqual([status, expires_at, settled_revision], ['pending', hold.expires_at, null])
    assert.deepEqual(
      lines.map(({ amount, posted, remaining }) => [amount, posted, remaining]),
      Array(2).fill(['40', '0', '40']),
    )
    assert.equal(bookOf(model).entry_count, 2)
    assert.equal(model.added.get('hold_entry')!.length, 2)
  })

  it('counts from the time of its posting on, and holds what is kept', () => {
    const posting = { amount: '10', remainder: 'keep', effective_at: '2024-02-01' } as const
    const { model, cash } = foldHold({ kind: 'post', transaction, posting })
    assert.deepEqual(cash, [90n, 0n, 30n, 2])
    const { status, effective_at, settled_revision, hold } = rowOf(model)
    const date = '2024-02-01T00:00:00.000Z'
    assert.deepEqual([status, effective_at, settled_revision], ['pending', date, null])
    assert.deepEqual(
      hold.map(({ amount, posted, remaining }) => [amount, posted, remaining]),
      Array(2).fill(['40', '10', '30']),
    )
    assert.equal(entriesOf(model, accountOf(model, 'cash')).at(-1)!.effective_at, date)
    assert.equal(bookOf(model).entry_count, 4)
  })

  it('has no entry for a line of which nothing was posted', () => {
    const nextId = idSource('c')
    const accounts = ['cash', 'bank', 'rent'].map((code) => ({
      code,
      type: 'asset' as const,
      currency: 'EUR',
    }))
    const line = (direction: 'debit' | 'credit', account: string, amount: string) => ({
      account,
      direction,
      amount,
    })
    const entries = [line('credit', 'cash', '6'), line('debit', 'bank', '2')]
    const held = {
      id: transaction,
      status: 'pending',
      entries: [...entries, line('debit', 'rent', '4')],
    }
    const part = { entries: [line('credit', 'cash', '4'), line('debit', 'rent', '4')] }
    const log = [
      receivedOf(openBook, { name: 'main' }, { nextId }),
      receivedOf(openAccounts, { accounts }, { nextId }),
      receivedOf(recordTransactions, { transactions: [held as never], atomic: true }, { nextId }),
      settling({ kind: 'post', transaction, posting: part }, nextId),
    ]
    const model = fold(logOf(log.map((received) => ({ received: received as never, now: start }))))
    const counts = ['cash', 'bank', 'rent'].map((code) => accountOf(model, code).entry_count)
    assert.deepEqual(counts, [1, 0, 1])
    assert.equal(bookOf(model).entry_count, 2)
    assert.deepEqual(entriesOf(model, accountOf(model, 'bank')), [])
  })

  it('says which event ended it, and how', () => {
    const { model, log, cash } = foldHold({
      kind: 'post',
      transaction,
      posting: { amount: '10' },
    })
    assert.deepEqual(cash, [90n, 0n, 0n, 2])
    const { status, settled_revision, settled_at } = rowOf(model)
    const { revision, metadata } = log.at(-1)!
    assert.deepEqual(
      [status, settled_revision, settled_at],
      ['posted', revision, metadata.recorded_at],
    )
    const voided = foldHold({ kind: 'void', transaction })
    assert.equal(rowOf(voided.model).status, 'voided')
    assert.deepEqual(voided.cash, [100n, 0n, 0n, 1])
    assert(voided.model.tags.has(`transaction:${transaction}`))
  })
})

describe('whatever is recorded, the ledger projection', () => {
  const logs = (it: History): Recorded[] => {
    const nextId = idSource()
    let now = start
    return logOf([
      { received: receivedOf(openBook, { name: 'main' }, { nextId }) as never, now },
      {
        received: receivedOf(openAccounts, { accounts: [...it.accounts] }, { nextId }) as never,
        now,
      },
      ...it.batches.flatMap(({ laterBy, isAtomic, items, settlements }) => {
        now += laterBy
        const at = now
        const data = { transactions: [...items], atomic: isAtomic }
        return [
          { received: receivedOf(recordTransactions, data, { nextId }) as never, now: at },
          ...settlements.map((one) => ({ received: settling(one, nextId), now: at })),
        ]
      }),
    ])
  }

  it('gives the same rows however the events fall into pages', () => {
    fc.assert(
      fc.property(history, fc.array(fc.boolean(), { minLength: 16, maxLength: 16 }), (it, cuts) => {
        const log = logs(it)
        const pages: Recorded[][] = [[]]
        for (const [index, event] of log.entries()) {
          if (cuts[index]) pages.push([])
          pages.at(-1)!.push(event)
        }
        const whole = fold(log)
        assert.deepEqual(fold(...pages), whole)
        assert.deepEqual(fold(...log.map((event) => [event])), whole)
        for (const keep of [1, 3, 1_000]) assert.deepEqual(foldKeeping(keep, ...pages), whole)
      }),
      runs(150),
    )
  })

  it('gives at every date the balance that all entries up to it add up to', () => {
    fc.assert(
      fc.property(history, (it) => {
        const model = fold(logs(it))
        for (const account of accountsOf(model)) {
          const entries = entriesOf(model, account)
          const dates = ['0001-01-01', ...entries.map(({ effective_at }) => effective_at), '9999']
          for (const date of dates) {
            assert.equal(asQueried(entries, account, date), added(entries, account, date))
          }
          assert.equal(account.posted, added(entries, account, 'z'))
          assert.equal(account.entry_count, entries.length)
          for (const { in_order_balance } of entries) assert(isInRange(in_order_balance ?? 0n))
        }
      }),
      runs(150),
    )
  })

  it('sums to zero in each currency', () => {
    fc.assert(
      fc.property(history, (it) => {
        const sums = new Map<string, bigint>()
        for (const { type, posted, currency } of accountsOf(fold(logs(it))) as (AccountRow & {
          currency: string
        })[]) {
          const debit = normalSide(type) === 'debit' ? posted : -posted
          sums.set(currency, (sums.get(currency) ?? 0n) + debit)
        }
        for (const sum of sums.values()) assert.equal(sum, 0n)
      }),
      runs(50),
    )
  })
})

const change = ({ type }: AccountRow, { direction, amount }: EntryRow): bigint =>
  direction === normalSide(type) ? amount : -amount

/** As src/queries/balance-at.ts does it: the last running balance, and the late entries. */
const asQueried = (entries: readonly EntryRow[], account: AccountRow, before: string): bigint => {
  const some = entries.filter(({ effective_at }) => effective_at < before)
  const inOrder = some
    .filter(({ in_order_balance }) => in_order_balance !== null)
    .sort((one, two) =>
      one.effective_at !== two.effective_at
        ? one.effective_at < two.effective_at
          ? -1
          : 1
        : one.revision - two.revision || one.line - two.line,
    )
  const late = some.filter(({ in_order_balance }) => in_order_balance === null)
  return added(late, account, before) + (inOrder.at(-1)?.in_order_balance ?? 0n)
}

const added = (entries: readonly EntryRow[], account: AccountRow, before: string): bigint =>
  entries
    .filter(({ effective_at }) => effective_at < before)
    .reduce((sum, entry) => sum + change(account, entry), 0n)
