import assert from 'node:assert/strict'
import type { Static } from 'typebox'
import type { TrialBalanceResource } from '../../src/queries/trial-balance.ts'
import { customers, pay, transfers } from '../support/amlsim.ts'
import { openAccounts, openBook, type TestBook } from '../support/book.ts'
import { daybook } from '../support/daybook.ts'

type Results = {
  readonly results: readonly { readonly index: number; readonly error?: { code: string } }[]
}

const opening = 'equity:opening'
const everyone = customers()
const all = transfers()

function* slices<Item>(items: readonly Item[], size: number): Generator<readonly Item[]> {
  for (let from = 0; from < items.length; from += size) yield items.slice(from, from + size)
}

/** A bank whose customers have what they begin with, and may fall to the limit. */
const openBank = async (minBalance: string): Promise<TestBook> => {
  const book = await openBook((await daybook()).rest)
  await openAccounts(book, [opening], { currency: 'USD' })
  for (const some of slices(everyone, 1_000)) {
    const codes = some.map(({ code }) => code)
    const limited = { type: 'liability', currency: 'USD', min_balance: minBalance }
    await openAccounts(book, codes, limited)
    const entries = some.flatMap(({ code, opening: amount }) => pay(opening, code, amount))
    const recorded = await book.post('/transactions', { entries })
    assert.equal(recorded.status, 201, recorded.text)
  }
  return book
}

/** Sends the transfers in their order, each for itself. */
const send = async (book: TestBook) => {
  let accepted = 0
  let sum = 0n
  const refused = new Map<string, number>()
  for (const some of slices(all, 1_000)) {
    const transactions = some.map(({ from, to, amount }) => ({ entries: pay(from, to, amount) }))
    const answer = await book.post<Results>('/transactions/batch', { transactions, atomic: false })
    assert.equal(answer.data.results.length, some.length, answer.text.slice(0, 500))
    for (const { index, error } of answer.data.results) {
      if (error) {
        refused.set(error.code, (refused.get(error.code) ?? 0) + 1)
      } else {
        accepted++
        sum += BigInt(some[index]?.amount ?? '')
      }
    }
  }
  return { accepted, sum, refused: Object.fromEntries(refused) }
}

describe('a bank of 20,000 customers', function () {
  this.timeout(240_000)

  const banks: [limit: string, accepted: number, sum: bigint, tooLow: number][] = [
    ['0', 44_932, 10_978_612_96n, 72_873 - 14],
    ['-100000', 105_009, 27_533_558_39n, 12_796 - 14],
  ]
  const running = new Map<string, Promise<[TestBook, Awaited<ReturnType<typeof send>>]>>()

  before(async () => {
    assert.equal(everyone.length, 20_000)
    assert.equal(all.length, 117_805)
    // Side by side: while one waits for the disk, the other is decided.
    for (const [limit] of banks) {
      const bank = openBank(limit)
      running.set(
        limit,
        bank.then(async (book) => [book, await send(book)]),
      )
    }
    await Promise.all(running.values())
  })

  for (const [limit, accepted, sum, tooLow] of banks) {
    it(`makes every transfer that leaves at least ${limit} cents, and no other`, async () => {
      const [, found] = (await running.get(limit))!
      const refused = { balance_too_low: tooLow, same_account: 14 }
      assert.deepEqual(found, { accepted, sum, refused })
    })

    it(`comes out in balance, with no account below ${limit} cents`, async () => {
      const [book] = (await running.get(limit))!
      const { data } = await book.get<Static<typeof TrialBalanceResource>>('/reports/trial-balance')
      const [total] = data.totals
      assert.equal(data.totals.length, 1)
      assert.equal(total?.debit, total?.credit)
      let owed = 0n
      for (const { account_code, debit, credit } of data.accounts) {
        const balance = BigInt(credit) - BigInt(debit)
        if (account_code === opening) {
          assert.equal(balance, -5_600_953_52n)
        } else {
          assert.ok(balance >= BigInt(limit), `${account_code} is at ${balance}`)
          owed += balance
        }
      }
      assert.equal(owed, 5_600_953_52n)
    })
  }
})
