import { join } from 'node:path'
import { type Archive, openArchive } from './archive.ts'
import type { Answer, Attempt, Request } from './http.ts'
import type { Plan } from './plans.ts'
import type { Fault } from './schedule.ts'

/** A command as it was meant, with all that was answered to it. */
export type Command = {
  readonly number: number
  readonly bookId: string
  readonly plan: Plan
  readonly method: Request['method']
  readonly path: string
  readonly body: unknown
  readonly key: string | null
  /** Ids that the client chose for its transactions. */
  readonly transactionIds: readonly string[]
  /** When it was first sent, ms since 1970. */
  firstSentAt: number
  /** Every final answer that was given, the first first; more where a twin was sent. */
  readonly answers: Final[]
}

export type Final = {
  readonly api: number
  readonly sentAt: number
  readonly endedAt: number
  readonly status: number
  readonly revision: number | null
  readonly isReplay: boolean
  readonly body: { data?: unknown; error?: { code: string; message: string } }
  /** Highest revision of the book that anybody had been told of when this was sent. */
  readonly knownRevision: number
}

/** A read that asked for a revision, with what it was shown. */
export type Read = {
  readonly bookId: string
  readonly what: 'account' | 'accounts' | 'transactions' | 'entries' | 'trial-balance' | 'book'
  /** Its id, where it is about one. */
  readonly account: string | null
  readonly path: string
  readonly api: number
  readonly sentAt: number
  readonly minRevision: number | null
  readonly revision: number
  readonly data: unknown
}

/** A fault that was worked, and when it was lifted. */
export type Worked = {
  readonly fault: Fault
  readonly round: number
  readonly from: number
  /** When what was done to it was over: continued, healed, killed, asked to stop. */
  readonly lifted: number
  /** When every target was up again. */
  readonly until: number
}

/** All that happened in a run. */
export type Journal = {
  /** Commands that were begun, and final answers to them. */
  given: number
  answered: number
  /** Those that are over, by book; the latest only once `archiveRecent` was called. */
  readonly commands: Map<string, Archive<Command>>
  /** The latest that have a key and an answer, to be asked again: what was refused, and what not. */
  readonly recent: { readonly refused: Command[]; readonly taken: Command[] }
  readonly reads: Archive<Read>
  readonly directory: string
  /** Attempts that got no answer, or one that says that something is wrong. */
  readonly troubles: Attempt[]
  /** The slowest of all. */
  readonly slow: Attempt[]
  readonly faults: Worked[]
  readonly counts: Map<string, number>
  /** Highest revision acknowledged, by book. */
  readonly known: Map<string, number>
  readonly latencies: number[]
}

/** What grows with every command is kept in files of this directory, which has to be there. */
export const newJournal = (directory: string): Journal => ({
  given: 0,
  answered: 0,
  commands: new Map(),
  recent: { refused: [], taken: [] },
  reads: openArchive(join(directory, 'reads.ndjson')),
  directory,
  troubles: [],
  slow: [],
  faults: [],
  counts: new Map(),
  known: new Map(),
  latencies: [],
})

const recentCount = 300

/** The command is over: nobody sends it again, unless it is one of the latest. */
export const noteCommand = (journal: Journal, command: Command): void => {
  const [first] = command.answers
  if (command.key === null || !first) return archive(journal, command)
  const recent = first.status >= 400 ? journal.recent.refused : journal.recent.taken
  recent.push(command)
  if (recent.length > recentCount) archive(journal, recent.shift() as Command)
}

export const archiveRecent = (journal: Journal): void => {
  for (const recent of [journal.recent.refused, journal.recent.taken]) {
    for (const command of recent.splice(0)) archive(journal, command)
  }
}

const archive = ({ commands, directory }: Journal, command: Command): void => {
  const { bookId } = command
  const known = commands.get(bookId) ?? openArchive(join(directory, `commands-${bookId}.ndjson`))
  commands.set(bookId, known)
  known.push(command)
}

export const count = ({ counts }: Journal, name: string): void => {
  counts.set(name, (counts.get(name) ?? 0) + 1)
}

const slowMs = 5_000

export const noteAttempt = (journal: Journal, attempt: Attempt): void => {
  const { answer, failure, sentAt, endedAt } = attempt
  const ms = endedAt - sentAt
  journal.latencies.push(ms)
  if (ms > slowMs) journal.slow.push(attempt)
  count(journal, answer ? `status ${answer.status}` : `no answer: ${failure}`)
  if (answer && answer.status >= 400) count(journal, `code ${codeOf(answer)}`)
  const isRefusal = answer && answer.status >= 400 && answer.status < 500
  if (!answer || answer.status >= 500 || (isRefusal && !codeOf(answer))) {
    journal.troubles.push(attempt)
  }
}

export const codeOf = ({ text }: Answer): string | null => {
  try {
    return JSON.parse(text).error?.code ?? null
  } catch {
    return null
  }
}

/** What anybody has been told the book has reached. */
export const learn = ({ known }: Journal, bookId: string, revision: number | null): void => {
  if (revision !== null && revision > (known.get(bookId) ?? -1)) known.set(bookId, revision)
}

export const revisionOf = ({ headers }: Answer): number | null => {
  const text = headers['daybook-revision']
  return typeof text === 'string' ? Number(text) : null
}
