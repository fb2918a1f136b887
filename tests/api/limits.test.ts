import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { AccountResource } from '../../src/queries/resources.ts'
import { openAccounts, openBook, transfer } from '../support/book.ts'
import { daybook } from '../support/daybook.ts'
import { eventsOf } from '../support/log-of-book.ts'
import { restClient } from '../support/rest.ts'

const clients = 64
const each = 12

describe('limits', function () {
  this.timeout(60_000)

  it('hold against 64 clients of two API processes, and what was answered is what is', async () => {
    const running = await daybook()
    const second = await running.startApi()
    const book = await openBook(running.rest)
    const codes = Array.from({ length: 8 }, (_, n) => `liability:customer-${n}`)
    await openAccounts(book, codes, { min_balance: '0', max_balance: '400' })
    await openAccounts(book, ['equity:capital'])

    const [plan = []] = fc.sample(
      fc.array(
        fc.record({
          from: fc.nat(codes.length),
          to: fc.nat(codes.length - 1),
          amount: fc.integer({ min: 1, max: 120 }),
        }),
        { minLength: clients * each, maxLength: clients * each },
      ),
      { numRuns: 1, seed: 64 },
    )
    const accepted: { id: string; from: string; to: string; amount: number }[] = []
    const refused = new Map<string, number>()
    const rests = [running.rest, restClient(second.url, running.token)]
    const nameOf = (n: number) => codes[n] ?? 'equity:capital'

    const runClient = async (client: number): Promise<void> => {
      const rest = rests[client % 2]!
      for (const { from, to, amount } of plan.slice(client * each, (client + 1) * each)) {
        const [payer, payee] = [nameOf(from), nameOf(to === from ? codes.length : to)]
        for (;;) {
          const sent = transfer(payee, payer, amount)
          const answer = await rest.post<{ id: string }>(`${book.path}/transactions`, sent)
          if (answer.error?.code === 'write_contention') continue
          if (answer.status === 201) {
            accepted.push({ id: answer.data.id, from: payer, to: payee, amount })
          } else {
            assert.match(answer.error.code, /^balance_too_(low|high)$/, answer.text)
            assert.equal(answer.status, 422)
            refused.set(answer.error.code, (refused.get(answer.error.code) ?? 0) + 1)
          }
          break
        }
      }
    }
    await Promise.all(Array.from({ length: clients }, (_, client) => runClient(client)))
    await second.close()

    assert.ok(accepted.length > 100)
    assert.ok((refused.get('balance_too_low') ?? 0) > 0)
    const events = await eventsOf(running, book.id)
    book.revision = events.length - 1
    const recorded = events.flatMap((event) =>
      event.type === 'TransactionsRecorded' ? event.data.transactions : [],
    )
    assert.deepEqual(recorded.map(({ id }) => id).sort(), accepted.map(({ id }) => id).sort())
    const accounts = await book.list<AccountResource>('/accounts')
    const idToCode = new Map(accounts.map(({ id, code }) => [id, code]))
    const balances = new Map<string, bigint>()
    for (const { entries } of recorded) {
      for (const { account, direction, amount } of entries) {
        const code = idToCode.get(account)!
        const change = direction === 'credit' ? BigInt(amount) : -BigInt(amount)
        balances.set(code, (balances.get(code) ?? 0n) + change)
      }
      for (const code of codes) {
        const balance = balances.get(code) ?? 0n
        assert.ok(balance >= 0n && balance <= 400n, `${code} at ${balance}`)
      }
    }
    let sum = 0n
    for (const { code, balances: shown } of accounts) {
      assert.equal(BigInt(shown.posted), balances.get(code) ?? 0n, code)
      sum += BigInt(shown.posted)
    }
    assert.equal(sum, 0n)
  })
})
