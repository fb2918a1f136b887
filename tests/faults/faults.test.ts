import assert from 'node:assert/strict'
import { fileURLToPath } from 'node:url'
import { testDirectory } from '../support/services.ts'
import { assertBankHolds } from './bank-holds.ts'
import { checkLog } from './check-log.ts'
import { checkReads } from './check-reads.ts'
import type { Command, Final, Read } from './journal.ts'
import type { Log, Stored } from './log-reader.ts'
import { tableOf } from './report.ts'
import { type Evidence, runFaults } from './run.ts'

const main = fileURLToPath(new URL('../../src/main.js', import.meta.url))
const seed = Number(process.env['FAULT_SEED'] ?? 1)

/** Of the bank; all 117,791 on demand. */
const transfers = Number(process.env['DAYBOOK_TRANSFERS'] ?? 600)

describe('Daybook, killed, stopped and cut off while it is used', function () {
  this.timeout(420_000 + transfers * 40)
  let evidence: Evidence

  before(async () => {
    evidence = await runFaults({
      seed,
      apis: 2,
      load: { clients: 12, pauseMs: 300 },
      transfers,
      minutes: 1,
      longestMs: 4_000,
      directory: testDirectory('faults'),
      main,
      say: (line) => console.log(`      ${line}`),
    })
  })

  it('loses nothing, doubles nothing and shows nothing that is not so', () => {
    const { report } = evidence
    console.log(tableOf(report.recovery).replaceAll(/^/gm, '      '))
    const facts = report.failures.slice(0, 20).join('\n')
    assert.equal(facts, '', `FAULT_SEED=${seed}: ${report.failures.length} failures`)
    assert.ok(report.faults.total >= 4, `only ${report.faults.total} faults were worked`)
    assert.ok((report.checked['commands'] ?? 0) > 100)
    assert.ok((report.checked['reads'] ?? 0) > 50)
  })

  it('carries the transfers of a bank in the order of each account, down to its limit', () => {
    assertBankHolds(evidence, transfers)
  })

  // A check that cannot fail proves nothing, so the evidence is falsified in every way they look at.
  for (const [name, kind, falsify] of falsifications()) {
    it(`would have noticed ${name}`, () => {
      const log = new Map([...evidence.log].map(([stream, events]) => [stream, [...events]]))
      const given = new Map([...evidence.journal.commands].map(([id, list]) => [id, [...list]]))
      falsify(log, [...given.values()].flat())
      const { failures } = checkLog(log, given)
      assert.ok(
        failures.some((failure) => failure.startsWith(`${kind}:`)),
        `no "${kind}" among: ${failures.slice(0, 5).join('\n')}`,
      )
    })
  }

  it('would have noticed a read that shows another balance than its revision has', () => {
    const { log, journal } = evidence
    const { ledgers } = checkLog(log, journal.commands)
    const read = [...journal.reads].find(({ what }) => what === 'account') as Read
    const falsified = structuredClone(read)
    const { balances } = falsified.data as { balances: { posted: string } }
    balances.posted = String(BigInt(balances.posted) + 1n)
    assert.equal(checkReads([falsified], ledgers).failures.length, 1)
    const early = { ...read, minRevision: read.revision + 1 }
    assert.equal(checkReads([early], ledgers).failures.length, 1)
  })
})

type Falsification = (log: Map<string, Stored[]>, commands: readonly Command[]) => void

const eventsOf = (log: Log, { bookId }: Command): Stored[] => log.get(`book-${bookId}`) as Stored[]

/** Of the first event of a type, in a copy that takes its place. */
const dataOf = (log: Log, command: Command, type: string): Stored['data'] => {
  const events = eventsOf(log, command)
  const at = events.findIndex((event) => event.type === type)
  events[at] = structuredClone(events[at]) as Stored
  return events[at].data
}

const answerOf = ({ answers }: Command): Final => answers[0] as Final

const findBy = (
  commands: readonly Command[],
  isWanted: (answer: Final, command: Command) => boolean,
): Command => {
  const found = commands.find((command) => {
    const [answer] = command.answers
    return answer !== undefined && isWanted(answer, command)
  })
  assert.ok(found, 'the run had no such command')
  return found
}

const posted = (commands: readonly Command[]): Command =>
  findBy(
    commands,
    ({ status }, { key, path }) => status === 201 && key !== null && path.endsWith('/transactions'),
  )

const refused = (commands: readonly Command[]): Command =>
  findBy(commands, ({ status, isReplay }, { key }) => status === 422 && key !== null && !isReplay)

const change = <Value extends object>(value: object, name: keyof Value, to: unknown): void => {
  Object.assign(value, { [name]: to })
}

function changeAmount(...[log, commands]: Parameters<Falsification>): void {
  const command = posted(commands)
  const events = eventsOf(log, command)
  const at = answerOf(command).revision as number
  events[at] = structuredClone(events[at]) as Stored
  const [first] = events[at].data['transactions'] as { entries: object[] }[]
  change<{ amount: string }>(first?.entries[0] as object, 'amount', '999999')
}

function falsifications(): readonly (readonly [string, string, Falsification])[] {
  return [
    [
      'an acknowledged command that is gone',
      'lost',
      (log, commands) => {
        const command = posted(commands)
        const events = eventsOf(log, command)
        events.splice(answerOf(command).revision as number, 1)
      },
    ],
    [
      'a command that stands there twice',
      'twice',
      (log, commands) => {
        const events = eventsOf(log, posted(commands))
        const last = events.findLast(({ type }) => type === 'TransactionsRecorded') as Stored
        events.push({ ...last, revision: events.length })
      },
    ],
    ['an amount that was changed afterwards', 'chain', changeAmount],
    ['entries that do not sum to zero', 'fold', changeAmount],
    [
      'two events that changed places',
      'chain',
      (log, commands) => {
        const events = eventsOf(log, posted(commands))
        const [a, b] = events.slice(3, 5) as [Stored, Stored]
        events.splice(3, 2, { ...b, revision: 3 }, { ...a, revision: 4 })
      },
    ],
    [
      'a limit that was broken',
      'fold',
      (log, commands) => {
        const events = eventsOf(log, posted(commands))
        const opened = events.findIndex(({ type }) => type === 'AccountsOpened')
        events[opened] = structuredClone(events[opened]) as Stored
        for (const account of events[opened].data['accounts'] as { code: string }[]) {
          if (account.code === 'hot')
            change<{ max_balance: string }>(account, 'max_balance', '-1000000')
        }
      },
    ],
    [
      'a period that was closed with the hash of another trial balance',
      'fold',
      (log, commands) => {
        const data = dataOf(log, posted(commands), 'PeriodClosed')
        change<{ trial_balance_hash: string }>(data, 'trial_balance_hash', '0'.repeat(64))
      },
    ],
    [
      'an account that was renamed when it was unfrozen',
      'fold',
      (log, commands) => {
        const { account } = dataOf(log, posted(commands), 'AccountUnfrozen')
        change<{ name: string }>(account as object, 'name', 'another')
      },
    ],
    [
      'a refusal that was none',
      'refusal',
      (_, commands) => {
        const { body } = answerOf(refused(commands))
        change<{ code: string }>(body.error as object, 'code', 'account_not_found')
      },
    ],
    [
      'a refusal without a reason',
      'refusal',
      (_, commands) => {
        const command = findBy(
          commands,
          ({ body, isReplay }, { key, path }) =>
            body.error?.code === 'balance_too_low' &&
            key !== null &&
            !isReplay &&
            path.endsWith('/transactions'),
        )
        for (const entry of (command.body as { entries: object[] }).entries) {
          change<{ amount: string }>(entry, 'amount', '1')
        }
        const { entries } = command.body as { entries: { account: string }[] }
        change<{ account: string }>(entries[0] as object, 'account', 'hot')
        change<{ account: string }>(entries[1] as object, 'account', 'a:1')
      },
    ],
    [
      'a retry that got another answer',
      'not final',
      (_, commands) => {
        const { answers } = posted(commands)
        answers.push({ ...(answers[0] as Final), revision: 1_000_000 })
      },
    ],
    [
      'an answer that rests on an old state',
      'stale',
      (_, commands) => {
        const command = findBy(commands, ({ isReplay, status }) => !isReplay && status === 201)
        change<Final>(answerOf(command), 'knownRevision', 1_000_000)
      },
    ],
    [
      'a batch that was told otherwise than it stands',
      'altered',
      (_, commands) => {
        const command = findBy(commands, (_, { path }) => /books\/[^/]+\/batch$/.test(path))
        const { results } = answerOf(command).body.data as { results: object[] }
        change<{ status: string }>(results[0] as object, 'status', 'existing')
      },
    ],
    [
      'a command that was never answered',
      'unanswered',
      (_, commands) => {
        posted(commands).answers.length = 0
      },
    ],
  ]
}
