import { type Book, findRevision, fork, remember } from '../domain/book.ts'
import type { AppliedStatus } from '../domain/events/batch-applied.ts'
import type { BookEvent, Recorded } from '../domain/events/index.ts'
import { apply, evolve } from '../domain/evolve.ts'
import { type Mention, namedIn } from '../domain/lookup.ts'
import type { Circumstances, Decision } from './command.ts'

/** A single command as a part of a larger one. */
export type Step = {
  /** What became of it, if it was not refused. */
  readonly status: AppliedStatus
  readonly idCount: number
  readonly mentions: (book: Book) => readonly Mention[]
  readonly decide: (book: Book, circumstances: Circumstances) => Decision
}

export type Steps = {
  /** Decides a step on all that those before it made, as it would be decided by itself. */
  readonly decide: (step: Step, ids: readonly string[]) => Decision
  /** Takes in what a step made. Answers the revision at which it will stand. */
  readonly add: (event: BookEvent) => number
  /** All that was made, sealed. */
  readonly end: () => readonly Recorded[]
}

/** An event that takes in what steps next to each other make, and the book with it. */
type Growing = { readonly event: BookEvent; readonly book: Book }

/**
 * Steps one after the other, each on what came before it, while the book that they begin on stays as
 * it is. Accounts that are opened next to each other share an event, and so do transactions that
 * are recorded: each event costs as much as two small transactions.
 */
export const stepsOn = (start: Book, circumstances: Circumstances): Steps => {
  const { now, eventOf, sealPart } = circumstances
  const parts: Recorded[] = []
  const sealed = fork(start)
  let growing: Growing | null = null

  const seal = (event: BookEvent): void => {
    const part = sealPart(event, sealed, parts.length)
    evolve(sealed, part)
    parts.push(part)
  }

  const end = (): readonly Recorded[] => {
    if (growing) seal(growing.event)
    growing = null
    return parts
  }

  /** What a step names must stand in an event that it can look into. */
  const endIfNamed = ({ mentions }: Step): void => {
    const { book } = growing ?? {}
    if (!book) return
    const next = sealed.revision + 1
    if (mentions(book).some(({ kind, key }) => findRevision(book, kind, key) === next)) end()
  }

  const decide: Steps['decide'] = (step, ids) => {
    endIfNamed(step)
    const book = growing?.book ?? sealed
    const find: Circumstances['eventOf'] = (mention) => {
      const revision = findRevision(book, mention.kind, mention.key)
      if (revision === undefined) return undefined
      return revision > start.revision ? parts[revision - start.revision - 1] : eventOf(mention)
    }
    // The key is that of the whole.
    return step.decide(book, { ...circumstances, ids, isKeyed: false, eventOf: find })
  }

  const add: Steps['add'] = (event) => {
    const joined = growing && join(growing.event, event)
    if (!joined) end()
    const revision = sealed.revision + 1
    if (!canGrow(event)) {
      seal(event)
      return revision
    }
    const book = growing?.book ?? fork(sealed)
    growing = { event: joined ?? event, book }
    apply(book, event, revision, now)
    for (const { kind, key } of namedIn(event)) remember(book, kind, key, revision)
    return revision
  }

  return { decide, add, end }
}

const canGrow = ({ type }: BookEvent): boolean =>
  type === 'AccountsOpened' || type === 'TransactionsRecorded'

/** One event in place of two; null where there is none. */
const join = (one: BookEvent, other: BookEvent): BookEvent | null => {
  if (one.type === 'AccountsOpened' && other.type === 'AccountsOpened') {
    return { ...one, data: { accounts: [...one.data.accounts, ...other.data.accounts] } }
  }
  if (one.type === 'TransactionsRecorded' && other.type === 'TransactionsRecorded') {
    const transactions = [...one.data.transactions, ...other.data.transactions]
    const exponents = { ...one.data.exponents, ...other.data.exponents }
    return { ...one, data: { ...one.data, transactions, exponents } }
  }
  return null
}
