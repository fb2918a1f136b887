import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { runExport } from '../../src/cli/export/run-export.ts'
import type { Recorded } from '../../src/domain/events/index.ts'
import type { RecordedEntry } from '../../src/domain/events/transactions-recorded.ts'
import { assertLedgersAgree, decimal } from '../support/assert-ledgers-agree.ts'
import { history } from '../support/histories.ts'
import { eventsOfHistory } from '../support/history-events.ts'
import { testDirectory } from '../support/services.ts'

const quiet = { start: () => {}, update: () => {}, stop: () => {} }

const textOf = async (events: readonly Recorded[]): Promise<string> => {
  const all = async function* () {
    yield* events
  }
  let text = ''
  const book = { events: all, revision: events.length - 1 }
  const options = { format: 'hledger', until: undefined } as const
  for await (const part of runExport(book, options, quiet)) text += part
  return text
}

/** Debits above zero, of what is dated before a day, added up line by line. */
const addUp = (events: readonly Recorded[], before: string, sums: Map<string, bigint>): void => {
  const codes = new Map<string, string>()
  for (const event of events) {
    if (event.type === 'AccountsOpened') {
      for (const { id, code } of event.data.accounts) codes.set(id, code)
    }
    const add = (entries: readonly RecordedEntry[], at: string) => {
      if (at >= before) return
      for (const { account, direction, amount, currency } of entries) {
        const name = `${codes.get(account)} ${currency}`
        const change = direction === 'debit' ? BigInt(amount) : -BigInt(amount)
        sums.set(name, (sums.get(name) ?? 0n) + change)
      }
    }
    if (event.type === 'HoldPosted') add(event.data.entries, event.data.effective_at)
    if (event.type !== 'TransactionsRecorded') continue
    for (const { status, entries, effective_at } of event.data.transactions) {
      if (status === 'posted') add(entries, effective_at)
    }
  }
}

describe('fifty books of any kind', () => {
  const books = fc.sample(history, { seed: 7, numRuns: 50 }).map((one, place) => {
    // Together in one journal they must not share their accounts.
    const renamed = new Map(one.accounts.map(({ code }) => [code, `${code}:${place}`]))
    const text = JSON.stringify(one.batches).replace(
      /"(account|from|to)":"([^"]+)"/g,
      (_, name: string, code: string) => `"${name}":"${renamed.get(code) ?? code}"`,
    )
    const accounts = one.accounts.map((account) => ({
      ...account,
      code: `${account.code}:${place}`,
    }))
    return eventsOfHistory({ accounts, batches: JSON.parse(text) })
  })

  it('have the same balances in hledger and ledger when they are exported', async function () {
    this.timeout(60_000)
    const journal = join(testDirectory('random'), 'books.journal')
    const texts = await Promise.all(books.map(textOf))
    writeFileSync(journal, texts.join('\n'))
    const expected = new Map<string, Map<string, string>>()
    for (const before of ['2024-03-01', '2024-03-02', '2024-03-10']) {
      const sums = new Map<string, bigint>()
      for (const events of books) addUp(events, before, sums)
      const moved = [...sums].filter(([, sum]) => sum !== 0n)
      expected.set(before, new Map(moved.map(([name, sum]) => [name, decimal(sum, 2)])))
    }
    // Books without holds of every fate prove nothing about them.
    for (const type of ['HoldPosted', 'HoldVoided', 'HoldExpired']) {
      assert.ok(
        books.flat().some((event) => event.type === type),
        type,
      )
    }
    assert.ok((expected.get('2024-03-10')?.size ?? 0) > 20)
    await assertLedgersAgree(this, journal, expected)
  })
})
