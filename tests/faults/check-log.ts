import { canonicalJson, firstHash, hashOf } from './chain.ts'
import { apply, transactionsOf } from './fold.ts'
import type { Command, Final } from './journal.ts'
import { emptyLedger, type Ledger } from './ledger.ts'
import type { Log, Stored } from './log-reader.ts'
import { fateOf, type Item } from './mixed.ts'
import type { Plan, Posting, Settlement } from './plans.ts'
import {
  type Overlay,
  reasonsAgainst,
  reasonsAgainstCommand,
  reasonsAgainstSettling,
  takeInto,
} from './truth.ts'
import { reasonsAgainstDefinition, reasonsAgainstPeriod, wantedOf } from './truth-of-changes.ts'

export type Facts = {
  readonly ledgers: ReadonlyMap<string, Ledger>
  readonly failures: string[]
}

/** What is to be checked against the ledger as it was after a revision. */
type Question = (ledger: Ledger) => void
type Questions = Map<number, Question[]>

/** Folds every book of the log, and checks all that only its events, and its commands, can tell. */
export const checkLog = (log: Log, given: ReadonlyMap<string, Iterable<Command>>): Facts => {
  const failures: string[] = []
  const ledgers = new Map<string, Ledger>()
  for (const [stream, events] of log) {
    if (!stream.startsWith('book-')) continue
    const bookId = stream.slice('book-'.length)
    const questions: Questions = new Map()
    checkTwice(events, failures)
    checkCommands(events, given.get(bookId) ?? [], questions, failures)
    ledgers.set(bookId, foldAndAsk(bookId, events, questions, failures))
  }
  for (const bookId of given.keys()) {
    if (!ledgers.has(bookId)) failures.push(`lost: book ${bookId} is not in the log`)
  }
  return { ledgers, failures }
}

const foldAndAsk = (
  bookId: string,
  events: readonly Stored[],
  questions: Questions,
  failures: string[],
): Ledger => {
  const ledger = emptyLedger(bookId)
  let previous = firstHash(bookId)
  for (const event of events) {
    const { type, revision, data, metadata } = event
    if (metadata.previous_hash !== previous) {
      failures.push(`chain: revision ${revision} of book ${bookId} does not follow the one before`)
    }
    if (metadata.hash !== hashOf(type, data, metadata)) {
      failures.push(`chain: revision ${revision} of book ${bookId} is not what its hash says`)
    }
    previous = metadata.hash
    apply(ledger, event)
    for (const question of questions.get(revision) ?? []) question(ledger)
  }
  failures.push(...ledger.broken.map((broken) => `fold: ${broken}`))
  return ledger
}

/** A key, a command and an item of a command each stand in the log once. */
const checkTwice = (events: readonly Stored[], failures: string[]): void => {
  const seen = new Map<string, number>()
  const note = (name: string, revision: number) => {
    const first = seen.get(name)
    if (first === undefined) seen.set(name, revision)
    else failures.push(`twice: ${name} is at revisions ${first} and ${revision}`)
  }
  for (const event of events) {
    const { revision, metadata } = event
    note(`command ${metadata.command_id}`, revision)
    const { idempotency_key, actor, route } = metadata
    if (idempotency_key !== null) note(`key ${idempotency_key} (${actor} ${route})`, revision)
    for (const transaction of transactionsOf(event)) {
      const { command, item, reuse } = transaction.metadata
      if (command !== undefined) note(`item ${item} of command ${command}`, revision)
      if (reuse) failures.push(`twice: revision ${revision} has a used key's other body`)
    }
  }
}

/** Every answer against what the log has of its command. */
const checkCommands = (
  events: readonly Stored[],
  commands: Iterable<Command>,
  questions: Questions,
  failures: string[],
): void => {
  const byKey = new Map<string, Stored>()
  const byMark = new Map<string, Stored>()
  for (const event of events) {
    const { idempotency_key } = event.metadata
    if (idempotency_key !== null) byKey.set(idempotency_key, event)
    for (const { metadata } of transactionsOf(event)) {
      if (metadata['command'] !== undefined) byMark.set(metadata['command'], event)
    }
  }
  for (const command of commands) {
    const { key, number, answers } = command
    const [first, ...others] = answers
    const name = `command ${number} (${key === null ? 'no key' : `key ${key}`})`
    if (!first) {
      const isProtected = key !== null || command.transactionIds.length > 0
      if (isProtected) failures.push(`unanswered: ${name} never got a final answer`)
      continue
    }
    if (isLate(command, first)) continue
    for (const other of others) checkSame(name, command, first, other, failures)
    for (const answer of answers) checkFresh(name, answer, failures)
    const event = (key === null ? byMark.get(String(number)) : byKey.get(key)) ?? null
    if (event === null && key === null && isAllRefused(first)) continue
    if (first.status < 300)
      checkAccepted(
        name,
        command,
        first,
        event ?? bareEvent(events, command, first),
        questions,
        failures,
      )
    else checkRefused(name, command, first, event, questions, failures)
    if (event?.type === 'TransactionsRecorded') askItems(name, command, event, questions, failures)
  }
}

/** A hold that reached a writer only when its time was over is refused, and leaves no trace. */
const isLate = ({ body }: Command, { endedAt, body: answer }: Final): boolean => {
  const { expires_at } = (body ?? {}) as Partial<Posting>
  const isOver = expires_at !== undefined && Date.parse(expires_at) <= endedAt
  return isOver && answer.error?.code === 'invalid_request'
}

/** Of such a batch nothing is stored without a key. */
const isAllRefused = ({ status, body }: Final): boolean => {
  const { results } = (body.data ?? {}) as { readonly results?: readonly { status: string }[] }
  return status === 200 && (results?.every((one) => one.status === 'refused') ?? false)
}

/** Accounts opened without a key have no mark, but a revision. */
const bareEvent = (
  events: readonly Stored[],
  { path, body }: Command,
  { revision }: Final,
): Stored | null => {
  const event = events[revision ?? -1]
  if (event?.type !== 'AccountsOpened' || !path.includes('/accounts')) return null
  const { code, accounts } = body as { code?: string; accounts?: { code: string }[] }
  const wanted = code === undefined ? (accounts ?? []).map((one) => one.code) : [code]
  const opened = (event.data['accounts'] as { code: string }[]).map((one) => one.code)
  return canonicalJson(wanted) === canonicalJson(opened) ? event : null
}

const checkSame = (
  name: string,
  { key }: Command,
  first: Final,
  other: Final,
  failures: string[],
): void => {
  const isSameStatus = first.status === other.status || (key === null && other.status < 300)
  const isSame = isSameStatus && canonicalJson(first.body) === canonicalJson(other.body)
  if (isSame && (key === null || first.revision === other.revision)) return
  failures.push(`not final: ${name} got ${short(first)}, and then ${short(other)}`)
}

/** What is no replay was decided after all that anybody knew when it was sent. */
const checkFresh = (name: string, answer: Final, failures: string[]): void => {
  const { isReplay, revision, knownRevision, status } = answer
  if (isReplay || revision === null || status === 200) return
  const isRecorded = status === 201
  if (revision > knownRevision || (!isRecorded && revision === knownRevision)) return
  failures.push(
    `stale: ${name} got ${short(answer)} at revision ${revision}, ` +
      `when the book was known to be at ${knownRevision}`,
  )
}

const checkAccepted = (
  name: string,
  command: Command,
  answer: Final,
  event: Stored | null,
  questions: Questions,
  failures: string[],
): void => {
  if (!event) return void failures.push(`lost: ${name} got ${short(answer)} and is not in the log`)
  // Of what was there already under its own id, the answer tells the book's revision, not its own.
  const isThere =
    answer.status === 200 && command.key === null
      ? event.revision <= (answer.revision ?? -1)
      : event.revision === answer.revision
  if (!isThere) {
    failures.push(
      `lost: ${name} was told revision ${answer.revision} and stands at ${event.revision}`,
    )
  }
  const settling = settlementIn(command)
  if (settling) return checkSettled(name, settling, event, failures)
  const { plan } = command
  if (plan.kind === 'define' || plan.kind === 'period') {
    return askChange(name, plan, event, questions, failures)
  }
  const body = command.body as { transactions?: Posting[] } & Posting
  if (event.type === 'CommandRefused') {
    failures.push(`lost: ${name} got ${short(answer)} and the log says refused`)
  }
  if (event.type === 'BatchApplied') return checkApplied(name, command, answer, event, failures)
  if (event.type !== 'TransactionsRecorded') return
  const requests = body.transactions ?? [body]
  for (const recorded of transactionsOf(event)) {
    const { index } = recorded
    const wanted = requests[index]?.entries.map(({ direction, amount }) => ({ direction, amount }))
    const got = recorded.entries.map(({ direction, amount }) => ({ direction, amount }))
    if (canonicalJson(wanted ?? null) === canonicalJson(got)) continue
    failures.push(`altered: item ${index} of ${name} was recorded with other entries`)
  }
  const { data } = answer.body as { data: { id?: string; results?: { id?: string }[] } }
  const told = data.results ? data.results.flatMap(({ id }) => id ?? []) : [data.id ?? '']
  const kept = new Set(transactionsOf(event).map(({ id }) => id))
  const missing = told.filter((id) => !kept.has(id))
  if (missing.length > 0) failures.push(`lost: ${name} was told of ${missing.join(', ')}`)
}

type Result = { readonly status: string; readonly error?: { readonly code: string } }

/** A batch of all kinds comes to what it must, and its event has what was told. */
const checkApplied = (
  name: string,
  { body }: Command,
  { body: { data } }: Final,
  event: Stored,
  failures: string[],
): void => {
  const { results } = data as { readonly results: readonly Result[] }
  const kept = (event.data['items'] as readonly object[]).map((item, index) => ({ index, ...item }))
  if (canonicalJson(kept) !== canonicalJson(results)) {
    failures.push(`altered: ${name} was told otherwise of its items than the log has it`)
  }
  const told = results.map(({ status, error }) => error?.code ?? status)
  const due = fateOf((body as { readonly items: readonly Item[] }).items)
  if (canonicalJson(told) === canonicalJson(due)) return
  failures.push(`altered: ${name} came to ${told.join(', ')} and not to ${due.join(', ')}`)
}

/** Which hold the command is about, and what it asks for; null if it is about none. */
const settlementIn = ({ path, body }: Command): { hold: string; settlement: Settlement } | null => {
  const [, hold, action] = /\/transactions\/([0-9a-f-]{36})\/(post|void|reverse)$/.exec(path) ?? []
  if (hold === undefined) return null
  const what = { action: action as Settlement['action'], body: (body ?? {}) as Settlement['body'] }
  return { hold, settlement: what }
}

const eventFor = { post: 'HoldPosted', void: 'HoldVoided', reverse: 'TransactionsRecorded' }

const checkSettled = (
  name: string,
  { hold, settlement: { action, body } }: { hold: string; settlement: Settlement },
  event: Stored,
  failures: string[],
): void => {
  const { type, data } = event
  const [recorded] = transactionsOf(event)
  const about = action === 'reverse' ? recorded?.reverses : data['transaction']
  if (type !== eventFor[action] || about !== hold) {
    failures.push(`altered: ${name} became a ${type} of ${String(about)}`)
  }
  const lines = (data['entries'] ?? []) as readonly { amount: string }[]
  if (body.amount === undefined || lines.every(({ amount }) => amount === body.amount)) return
  failures.push(`altered: ${name} asked for ${body.amount} of the hold and got another amount`)
}

const checkRefused = (
  name: string,
  command: Command,
  answer: Final,
  event: Stored | null,
  questions: Questions,
  failures: string[],
): void => {
  const { key } = command
  const code = answer.body.error?.code ?? ''
  const { revision } = answer
  const settling = settlementIn(command)
  if (revision === null)
    return void failures.push(`refusal: ${name} got ${short(answer)}, no revision`)
  if (key !== null) {
    const kept =
      event?.type === 'CommandRefused' ? (event.data['rejection'] as { code: string }) : null
    if (kept?.code !== code || event?.revision !== revision) {
      const what = event ? `${event.type} at ${event.revision}` : 'nothing'
      return void failures.push(
        `refusal: ${name} got ${short(answer)} at ${revision}; kept: ${what}`,
      )
    }
  } else if (event) {
    failures.push(`refusal: ${name} got ${short(answer)} and is at revision ${event.revision}`)
  }
  // One that left an event was decided right before it.
  ask(questions, key === null ? revision : revision - 1, (ledger) => {
    const reasons = settling
      ? reasonsAgainstSettling(ledger, settling.hold, settling.settlement)
      : reasonsAgainstOther(ledger, command)
    if (reasons.includes(code)) return
    const truth = reasons.length > 0 ? reasons.join(', ') : 'nothing'
    failures.push(`refusal: ${name} got ${code} at ${revision}; against it speaks: ${truth}`)
  })
}

const reasonsAgainstOther = (ledger: Ledger, { plan, body }: Command): string[] => {
  if (plan.kind === 'define') return reasonsAgainstDefinition(ledger, plan.change)
  if (plan.kind === 'period') return reasonsAgainstPeriod(ledger, plan.change)
  return reasonsAgainstCommand(ledger, body)
}

/** An account that was defined anew, or a period: nothing spoke against it, and it is as asked. */
const askChange = (
  name: string,
  plan: Extract<Plan, { kind: 'define' | 'period' }>,
  { revision, data }: Stored,
  questions: Questions,
  failures: string[],
): void => {
  ask(questions, revision - 1, (ledger) => {
    const { kind, change } = plan
    const reasons =
      kind === 'define'
        ? reasonsAgainstDefinition(ledger, change)
        : reasonsAgainstPeriod(ledger, change)
    if (reasons.length > 0) {
      failures.push(`refusal: ${name} was taken; against it: ${reasons.join(', ')}`)
    }
    const account = kind === 'define' ? ledger.codes.get(change.account) : undefined
    const { status: _, ...got } = (data['account'] ?? {}) as Record<string, unknown>
    const wanted = account && kind === 'define' ? wantedOf(account, change) : {}
    const { status: __, ...definition } = wanted as Record<string, unknown>
    const isAsAsked =
      kind === 'define'
        ? canonicalJson(got) === canonicalJson(definition)
        : data['through'] === change.through
    if (!isAsAsked) failures.push(`altered: ${name} became ${canonicalJson(data)}`)
  })
}

/** Items of a batch, each for itself: what was refused had to be. */
const askItems = (
  name: string,
  { body }: Command,
  event: Stored,
  questions: Questions,
  failures: string[],
): void => {
  const { transactions, atomic } = body as { transactions?: Posting[]; atomic?: boolean }
  if (!transactions || atomic !== false) return
  const refused = new Map<number, string>()
  for (const { index, code } of event.data['refused'] as { index: number; code: string }[]) {
    refused.set(index, code)
  }
  ask(questions, event.revision - 1, (ledger) => {
    const overlay: Overlay = new Map()
    for (const [index, posting] of transactions.entries()) {
      const reasons = reasonsAgainst(ledger, overlay, posting)
      const code = refused.get(index)
      if (code === undefined) takeInto(ledger, overlay, posting)
      const isTrue = code === undefined ? reasons.length === 0 : reasons.includes(code)
      if (isTrue) continue
      const verdict = code ?? 'recorded'
      failures.push(
        `refusal: item ${index} of ${name}: ${verdict}; against it: ${reasons.join(', ')}`,
      )
    }
  })
}

const ask = (questions: Questions, revision: number, question: Question): void => {
  const known = questions.get(revision)
  if (known) known.push(question)
  else questions.set(revision, [question])
}

const short = ({ status, body, api }: Final): string =>
  `${status}${body.error ? ` ${body.error.code}` : ''} (api-${api + 1})`
