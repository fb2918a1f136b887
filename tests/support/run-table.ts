import assert from 'node:assert/strict'
import { validator } from '../../src/api/validation.ts'
import { type DecidedGroup, decideGroup } from '../../src/commands/decide-group.ts'
import type { Outcome, Received } from '../../src/commands/received.ts'
import { available } from '../../src/domain/account.ts'
import { type Book, emptyBook, findAccount, lastMeant, merge } from '../../src/domain/book.ts'
import type { AppliedItem } from '../../src/domain/events/batch-applied.ts'
import type { Recorded } from '../../src/domain/events/index.ts'
import { onlyExisting } from '../../src/domain/events/transactions-recorded.ts'
import { evolve } from '../../src/domain/evolve.ts'
import type { Rejection } from '../../src/domain/rejection.ts'
import { upcast } from '../../src/domain/upcast.ts'
import { factsFrom, outcomesOf } from './facts.ts'
import { bookId, idSource, receivedOf } from './received.ts'
import type { Row, Table } from './table.ts'

type Step = { readonly received: Received; readonly now: number; readonly row: Row }

/** Runs a table row by row, and once more with rows decided together. Answers its refusals. */
export const runTable = (table: Table): Rejection[] => {
  const refusals: Rejection[] = []
  const book = emptyBook(bookId)
  const log: Recorded[] = []
  const steps: Step[] = []
  const outcomes: Outcome[] = []
  const nextId = idSource()
  let now = Date.parse('2024-03-01T12:00:00Z')
  for (const row of table.rows) {
    if (row.intent.kind === 'today') {
      now = row.intent.at
    } else {
      const step = { received: receive(row, book, log, nextId), now, row }
      const decided = decide(book, [step.received], log, now)
      const [outcome] = outcomesOf(decided)
      assert(outcome)
      assert.equal(describe(outcome, decided, step, log), row.expected, place(table, row))
      assert.deepEqual(itemsOf(outcome, row), row.items, place(table, row))
      refusals.push(...refusalsOf(outcome))
      merge(decided.book)
      log.push(...decided.events)
      steps.push(step)
      outcomes.push(outcome)
    }
    checkBalances(row, book, now, place(table, row))
  }
  assert.deepEqual(plain(fold(log)), plain(book), `${table.title}: the log makes another book`)
  assert.deepEqual(together(steps), outcomes, `${table.title}: together it is otherwise`)
  return refusals
}

const place = ({ title }: Table, { line, text }: Row): string => `${title}, line ${line}: ${text}`

const receive = (
  { intent, line }: Row,
  book: Book,
  log: readonly Recorded[],
  nextId: () => string,
): Received => {
  assert(intent.kind === 'command')
  const { command, key, isDryRun } = intent
  // #cash is the id of cash, or of the account that was called so last; ^cash the same in capitals.
  const text = JSON.stringify(intent.data).replace(
    /"([#^])([^"]+)"/g,
    (_, sign: string, code: string) => {
      const id = lastMeant(book, code)
      assert(findAccount(book, id), `line ${line}: there is no ${code}`)
      return JSON.stringify(sign === '#' ? id : id.toUpperCase())
    },
  )
  const data = validator(
    command.data,
    'body',
  )(JSON.parse(text.replace('"transaction":"it"', `"transaction":"${lastOf(log)}"`)))
  return receivedOf(command, data, { key, isDryRun, nextId })
}

/** The id of the transaction that was recorded last. */
const lastOf = (log: readonly Recorded[]): string => {
  const ids = log.flatMap((event) =>
    event.type === 'TransactionsRecorded' ? event.data.transactions.map(({ id }) => id) : [],
  )
  return ids.at(-1) ?? 'none'
}

const decide = (
  book: Book,
  group: readonly Received[],
  log: readonly Recorded[],
  now: number,
): DecidedGroup => {
  const before = plain(book)
  const facts = factsFrom(book, group, log)
  const decided = decideGroup(book, group, facts, Math.max(now, book.recordedAt))
  assert.deepEqual(plain(book), before, 'deciding changed the book')
  return decided
}

export const done = {
  BookOpened: 'opened',
  AccountsOpened: 'opened',
  AccountUpdated: 'changed',
  AccountFrozen: 'frozen',
  AccountUnfrozen: 'unfrozen',
  AccountClosed: 'closed',
  TransactionMetadataChanged: 'noted',
  HoldPosted: 'posted',
  HoldVoided: 'voided',
  HoldExpired: 'expired',
  PeriodClosed: 'closed',
  PeriodReopened: 'reopened',
  MemberSet: 'set',
  MemberRemoved: 'removed',
  CommandRefused: 'refused',
  BatchApplied: 'applied',
} as const

/** What came of it, in the words of the tables. */
const describe = (
  outcome: Outcome,
  { events }: DecidedGroup,
  { received, row }: Step,
  log: readonly Recorded[],
): string => {
  const key = received.key?.value
  const isAgain =
    outcome.isReplay && log.some(({ metadata }) => key && metadata.idempotency_key === key)
  const words = isAgain ? ['again'] : []
  const isStored = events.some(({ id }) => id === received.commandId)
  if (outcome.kind === 'refused') {
    words.push(outcome.rejection.code)
    if (isStored) words.push('kept')
    return words.join(' ')
  }
  const { event } = outcome
  if (event === null) return `expired ${events.length}`
  if (event.type === 'BatchApplied') {
    const isDone = event.data.items.some(({ status }) => !['existing', 'refused'].includes(status))
    words.push(isDone ? 'applied' : 'nothing')
    if (isStored && !isDone) words.push('kept')
    return words.join(' ')
  }
  if (event.type !== 'TransactionsRecorded') return [...words, done[event.type]].join(' ')
  if (event.data.transactions.length > 0) return [...words, 'recorded'].join(' ')
  words.push(onlyExisting(event) !== null && row.items.length === 0 ? 'existing' : 'nothing')
  if (isStored) words.push('kept')
  return words.join(' ')
}

/** What came of each item. Of a batch that is refused as a whole nothing is said. */
const itemsOf = (outcome: Outcome, { items }: Row): string[] => {
  if (items.length === 0) return []
  const words = items.map(() => '')
  if (outcome.kind === 'done' && outcome.event?.type === 'BatchApplied') {
    return outcome.event.data.items.map(wordOf)
  }
  if (outcome.kind === 'refused' || outcome.event?.type !== 'TransactionsRecorded') return words
  const { transactions, existing, refused } = outcome.event.data
  for (const { index } of transactions) words[index] = 'recorded'
  for (const { index } of existing) words[index] = 'existing'
  for (const { index, code } of refused) words[index] = code
  return words
}

/** What came of an item of a batch of all kinds. */
export const wordOf = (item: AppliedItem): string =>
  item.status === 'refused' ? item.error.code : item.status

const refusalsOf = (outcome: Outcome): readonly Rejection[] => {
  if (outcome.kind === 'refused') return [outcome.rejection]
  if (outcome.event?.type === 'BatchApplied') {
    return outcome.event.data.items.flatMap((item) => ('error' in item ? [item.error] : []))
  }
  return outcome.event?.type === 'TransactionsRecorded' ? outcome.event.data.refused : []
}

const checkBalances = ({ balances }: Row, book: Book, now: number, where: string): void => {
  for (const expected of balances) {
    const account = findAccount(book, expected.code)
    assert(account, `${where}: there is no ${expected.code}`)
    const { posted, pendingIncrease } = account
    const found = { posted, available: available(account, now), pendingIncrease }
    assert.deepEqual({ code: expected.code, ...found }, expected, where)
  }
}

/** From what would be read from disk. */
const fold = (log: readonly Recorded[]): Book => {
  const book = emptyBook(bookId)
  for (const event of log) evolve(book, upcast(JSON.parse(JSON.stringify(event))))
  return book
}

/** All of a book in one comparable value, without the order in which it came about. */
export const plain = (book: Book) => {
  // When the book has to look for holds that are over is only a bound.
  const { below: _, memory: __, known: ___, nextExpiry: ____, ...rest } = book
  const sorted = <Value>(map: Iterable<[string, Value]>) =>
    [...map].sort(([one], [other]) => (one < other ? -1 : 1))
  return {
    ...rest,
    exponents: sorted(book.exponents),
    accounts: sorted(book.accounts),
    codes: sorted(book.codes),
    holds: sorted(book.holds),
    members: sorted(book.members),
    lookups: sorted(book.lookups),
  }
}

/** Everything of one moment decided as one group, as a busy writer does. */
const together = (steps: readonly Step[]): Outcome[] => {
  const book = emptyBook(bookId)
  const log: Recorded[] = []
  const outcomes: Outcome[] = []
  while (outcomes.length < steps.length) {
    const { now } = steps[outcomes.length]!
    const rest = steps.slice(outcomes.length)
    const end = rest.findIndex((step) => step.now !== now)
    const group = rest.slice(0, end < 0 ? rest.length : end).map(({ received }) => received)
    const decided = decide(book, group, log, now)
    merge(decided.book)
    log.push(...decided.events)
    outcomes.push(...outcomesOf(decided))
  }
  return outcomes
}
