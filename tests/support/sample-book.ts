import { applyBatch } from '../../src/commands/apply-batch.ts'
import { changeTransactionMetadata } from '../../src/commands/change-transaction-metadata.ts'
import { closeAccount } from '../../src/commands/close-account.ts'
import { closePeriod } from '../../src/commands/close-period.ts'
import type { Command } from '../../src/commands/command.ts'
import { decideGroup } from '../../src/commands/decide-group.ts'
import { freezeAccount, unfreezeAccount } from '../../src/commands/freeze-account.ts'
import { openAccounts } from '../../src/commands/open-accounts.ts'
import { openBook } from '../../src/commands/open-book.ts'
import type { Received } from '../../src/commands/received.ts'
import { recordTransactions } from '../../src/commands/record-transactions.ts'
import { reopenPeriod } from '../../src/commands/reopen-period.ts'
import { replaceAccount } from '../../src/commands/replace-account.ts'
import { updateAccount } from '../../src/commands/update-account.ts'
import { emptyBook, merge } from '../../src/domain/book.ts'
import type { Recorded } from '../../src/domain/events/index.ts'
import { factsFrom } from './facts.ts'
import { bookId, idSource, receivedOf } from './received.ts'

/** The log that these commands make, each at its time. */
export const logOf = (commands: readonly { received: Received; now: number }[]): Recorded[] => {
  const book = emptyBook(bookId)
  const log: Recorded[] = []
  for (const { received, now } of commands) {
    const facts = factsFrom(book, [received], log)
    const decided = decideGroup(book, [received], facts, Math.max(now, book.recordedAt))
    merge(decided.book)
    log.push(...decided.events)
  }
  return log
}

/** A small book with an event of each type and of each kind of content. */
export const sampleLog = (): Recorded[] => {
  const nextId = idSource()
  let now = Date.parse('2024-03-01T12:00:00Z')
  const at = (received: Received) => ({ received, now: (now += 1_500) })
  const record = (data: unknown, key: string | null = null) =>
    at(receivedOf(recordTransactions, data as never, { key, nextId }))
  return logOf([
    at(
      receivedOf(
        openBook,
        {
          name: 'Grüße, 日記 😀',
          time_zone: 'Europe/Berlin',
          currencies: [{ code: 'MUSD', exponent: 0 }],
          metadata: { purpose: 'to verify for ever' },
        },
        { key: 'open', nextId },
      ),
    ),
    at(
      receivedOf(
        openAccounts,
        {
          accounts: [
            { code: 'cash', type: 'asset', currency: 'EUR', min_balance: '0' },
            { code: 'sales', type: 'income', currency: 'EUR', name: 'Sales “at home”' },
            { code: 'vault', type: 'asset', currency: 'MUSD', max_balance: '9'.repeat(38) },
            { code: 'owner', type: 'equity', currency: 'MUSD' },
          ],
        },
        { nextId },
      ),
    ),
    record({
      transactions: [{ transfers: [{ from: 'sales', to: 'cash', amount: '1250' }] }],
      atomic: true,
    }),
    record(
      {
        transactions: [
          {
            description: 'a line\nand "another" \\ \u2028',
            effective_at: '2024-02-29',
            metadata: { b: '2', a: '1', c: '€' },
            entries: [
              { account: 'cash', direction: 'debit', amount: '7' },
              { account: 'sales', direction: 'credit', amount: '7' },
            ],
          },
          { transfers: [{ from: 'cash', to: 'sales', amount: '99999' }] },
          {
            id: 'c11e4700-0000-7000-8000-000000000001',
            transfers: [{ from: 'owner', to: 'vault', amount: '9'.repeat(38) }],
          },
          {
            id: 'c11e4700-0000-7000-8000-000000000001',
            transfers: [{ from: 'owner', to: 'vault', amount: '9'.repeat(38) }],
          },
          { transfers: [{ from: 'owner', to: 'vault', amount: '1' }] },
        ],
        atomic: false,
      },
      'batch',
    ),
    record(
      {
        transactions: [{ transfers: [{ from: 'cash', to: 'sales', amount: '99999' }] }],
        atomic: true,
      },
      'refused',
    ),
    record(
      {
        transactions: [
          {
            id: 'c11e4700-0000-7000-8000-000000000001',
            transfers: [{ from: 'owner', to: 'vault', amount: '9'.repeat(38) }],
          },
        ],
        atomic: true,
      },
      'existing',
    ),
    ...changes.map(([command, data]) => at(receivedOf(command, data as never, { nextId }))),
  ])
}

const target = (account: string) => ({ account, versions: null })

const transfers = [{ from: 'sales', to: 'cash', amount: '5' }]
const transaction = 'c11e4700-0000-7000-8000-000000000002'

const items = [
  { open_account: { code: 'new', type: 'asset', currency: 'EUR' } },
  { record: { id: transaction, status: 'pending', transfers } },
  { post: { transaction, amount: '4' } },
  { void: { transaction } },
]

/** What accounts, periods and metadata go through after that. */
const changes: readonly (readonly [Command, unknown])[] = [
  [openAccounts, { accounts: [{ code: 'spare', type: 'asset', currency: 'EUR' }] }],
  [updateAccount, { target: target('spare'), changes: { code: 'till', metadata: { a: '“1”' } } }],
  [replaceAccount, { target: target('cash'), replacement: { code: 'cash', max_balance: '9999' } }],
  [freezeAccount, { target: target('till') }],
  [unfreezeAccount, { target: target('till') }],
  [closeAccount, { target: target('till') }],
  [
    changeTransactionMetadata,
    { transaction: 'c11e4700-0000-7000-8000-000000000001', metadata: { note: 'grüße' } },
  ],
  [closePeriod, { through: '2024-01-31' }],
  [closePeriod, { through: '2024-02-29' }],
  [reopenPeriod, { through: '2024-01-31' }],
  [applyBatch, { items, atomic: false }],
] as unknown as readonly (readonly [Command, unknown])[]
