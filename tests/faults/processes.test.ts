import assert from 'node:assert/strict'
import { fileURLToPath } from 'node:url'
import { testDirectory } from '../support/services.ts'
import { assertBankHolds, falsificationsOfBank } from './bank-holds.ts'
import { checkBank } from './check-bank.ts'
import type { Stored } from './log-reader.ts'
import { type Evidence, runFaults } from './run.ts'
import { type Fault, kindsOf } from './schedule.ts'

const main = fileURLToPath(new URL('../../src/main.js', import.meta.url))
const seed = Number(process.env['FAULT_SEED'] ?? 1)
/** Of the bank; all 117,791 on demand. */
const transfers = Number(process.env['DAYBOOK_TRANSFERS'] ?? 600)
const apis = ['api-1', 'api-2', 'api-3', 'api-4'] as const

/** All that concerns who writes a book: its writers, the ways between them, and their leases. */
const focus: readonly Fault[] = apis.flatMap((api): Fault[] => [
  { kind: 'kill', targets: [api] },
  { kind: 'freeze', targets: [api], ms: 3_500 },
  { kind: 'hole', targets: [`peers -> ${api}`], ms: 3_000 },
  { kind: 'cut', targets: [`peers -> ${api}`], ms: 500 },
  { kind: 'cut', targets: [`${api} -> store`], ms: 1_000 },
  { kind: 'flush', targets: ['cache'] },
])

describe('four API processes that share the books', function () {
  this.timeout(600_000 + transfers * 40)
  const commands = 2_000
  let evidence: Evidence

  before(async () => {
    evidence = await runFaults({
      seed,
      apis: apis.length,
      load: { clients: 64, pauseMs: 300, commands },
      transfers,
      focus,
      // Or until the commands are answered, which a slow machine takes longer for.
      minutes: 4,
      longestMs: 4_000,
      directory: testDirectory('processes'),
      main,
      say: (line) => console.log(`      ${line}`),
    })
  })

  it('give each key one answer, and keep every order and every limit, whoever is hit', () => {
    const { report } = evidence
    const facts = report.failures.slice(0, 20).join('\n')
    assert.equal(facts, '', `FAULT_SEED=${seed}: ${report.failures.length} failures`)
    assert.ok((report.checked['commands'] ?? 0) >= commands)
    for (const kind of kindsOf(focus)) {
      assert.ok((report.faults.byLabel[kind] ?? 0) > 0, `no ${kind} was worked`)
    }
  })

  it('are asked by clients that left another before it answered', () => {
    assert.ok((evidence.report.requests['left early'] ?? 0) > 0, 'no client left early')
  })

  it('carry the transfers of a bank in the order of each account, down to its limit', () => {
    assertBankHolds(evidence, transfers)
  })

  // A check that cannot fail proves nothing.
  for (const [name, kind, falsify] of falsificationsOfBank) {
    it(`would have noticed ${name}`, () => {
      const { bank, statements } = evidence.bank as NonNullable<Evidence['bank']>
      const falsified = structuredClone({
        events: evidence.log.get(`book-${bank.bookId}`) as Stored[],
        senders: bank.senders,
        statements,
      })
      falsify(falsified)
      const failures = checkBank(falsified.events, falsified, falsified.statements)
      assert.ok(
        failures.some((failure) => failure.startsWith(`${kind}:`)),
        `no "${kind}" among: ${failures.slice(0, 5).join('\n')}`,
      )
    })
  }

  it('hand commands to one another', () => {
    const { answered = 0 } = evidence.report['forwards since the last start'] ?? {}
    assert.ok(answered > 0)
  })
})
