import assert from 'node:assert/strict'
import { isRefused, type Statement } from './bank.ts'
import { checkBank } from './check-bank.ts'
import { transactionsOf } from './fold.ts'
import type { Command, Final } from './journal.ts'
import type { Stored } from './log-reader.ts'
import type { Evidence } from './run.ts'

/** Every transfer was answered, some were refused for the limit and nothing else, and all is as it must be. */
export const assertBankHolds = ({ bank: run, log }: Evidence, transfers: number): void => {
  assert.ok(run)
  const { bank, statements } = run
  const commands = [...bank.senders.values()].flat()
  assert.equal(commands.length, transfers)
  assert.ok(
    commands.every(({ answers }) => answers.length > 0),
    'not all were answered',
  )
  const refused = commands.filter(isRefused)
  const codes = new Set(refused.map(({ answers: [first] }) => first?.body.error?.code))
  assert.deepEqual([...codes], ['balance_too_low'])
  assert.ok(refused.length < transfers)
  const events = log.get(`book-${bank.bookId}`) ?? []
  assert.deepEqual(checkBank(events, bank, statements).slice(0, 20), [])
  console.log(`      of ${transfers} transfers ${refused.length} are refused`)
}

/** Copies of what a run has left of its bank. */
type Falsified = {
  readonly events: Stored[]
  readonly senders: ReadonlyMap<string, readonly Command[]>
  readonly statements: readonly Statement[]
}

type Falsification = (falsified: Falsified) => void

const last = (events: readonly Stored[], type: string): Stored =>
  events.findLast((event) => event.type === type) as Stored

const isKeyOf = (command: Command | undefined) => (event: Stored) =>
  event.metadata.idempotency_key === command?.key

/** What the check of a bank must notice: what was done, the kind of failure, and how it is done. */
export const falsificationsOfBank: readonly (readonly [string, string, Falsification])[] = [
  [
    'a transfer that took more from the one than it gave to the other',
    'sum',
    ({ events }) => {
      const [transfer] = transactionsOf(last(events, 'TransactionsRecorded'))
      Object.assign(transfer?.entries[0] as object, { amount: '999999' })
    },
  ],
  [
    'a transfer of more than there was',
    'limit',
    ({ events }) => {
      const [transfer] = transactionsOf(last(events, 'TransactionsRecorded'))
      for (const entry of transfer?.entries ?? []) Object.assign(entry, { amount: '99999999' })
    },
  ],
  [
    'two transfers of an account that changed places',
    'order',
    ({ events, senders }) => {
      const [first, second] = [...senders.values()].find(({ length }) => length > 1) ?? []
      const [a, b] = [first, second].map((command) => events.findIndex(isKeyOf(command)))
      const [one, other] = [events[a as number], events[b as number]] as [Stored, Stored]
      events[a as number] = other
      events[b as number] = one
    },
  ],
  [
    'a refusal of which an API was not asked again',
    'refusal',
    ({ senders }) => {
      const refused = [...senders.values()].flat().find(isRefused) as Command
      const [first] = refused.answers as [Final]
      refused.answers.splice(0, refused.answers.length, first)
    },
  ],
  [
    'an API that shows another balance',
    'statement',
    ({ statements: [statement] }) => {
      const [code, owed] = [...(statement ?? [])][0] as [string, bigint]
      ;(statement as Map<string, bigint>).set(code, owed + 1n)
    },
  ],
]
