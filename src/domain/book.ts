import type { Account } from './account.ts'
import { genesis } from './chain.ts'
import { isoExponent } from './currency.ts'
import type { Hold } from './hold.ts'
import type { Keyed } from './keyed.ts'
import type { LookupKind, Mention } from './lookup.ts'
import type { MemberRole } from './member.ts'
import { defaultWindow, type LookupMemory, type Lookups, lookupMemory } from './memory.ts'
import type { ClosedPeriod } from './period.ts'
import { bytesOf } from './snapshot/packed-map.ts'

/**
 * What a writer knows of its book. Books can be stacked: a fork reads through to the book below it
 * and keeps its own changes, so that commands are decided on state that may yet be dropped.
 */
export type Book = {
  readonly below: Book | null
  readonly id: string
  header: { readonly name: string; readonly timeZone: string } | null
  /** Of the last event; -1 before the first. */
  revision: number
  /** Of the last event. */
  hash: string
  /** Of the last event, in ms since 1970. */
  recordedAt: number
  /** No open hold expires before this, in ms since 1970. Only a bound: see `dueHolds`. */
  nextExpiry: number
  /** Those that are closed, the earliest first. */
  periods: readonly ClosedPeriod[]
  readonly exponents: Keyed<number>
  readonly accounts: Keyed<Account>
  /** The account that has each code, or had it last. */
  readonly codes: Keyed<string>
  /** Open holds by id; null for one that has ended. */
  readonly holds: Keyed<Hold | null>
  /** All of a fork's own, and the last ones below. */
  readonly lookups: Lookups
  /** The same, of a book that stands on no other one. */
  readonly memory: LookupMemory | null
  /** What was found out of lookups before deciding; then nothing else may be looked up. */
  readonly known: KnownLookups | null
  /** Roles by user; null for one who is a member no more. */
  readonly members: Keyed<MemberRole | null>
}

/** Revisions by kind and key, as in `lookups`; null where the book never had it. */
export type KnownLookups = ReadonlyMap<string, number | null>

const maps = () => ({
  exponents: new Map<string, number>(),
  accounts: new Map<string, Account>(),
  codes: new Map<string, string>(),
  holds: new Map<string, Hold | null>(),
  lookups: new Map<string, number>(),
  members: new Map<string, MemberRole | null>(),
})

const mapNames = ['exponents', 'accounts', 'codes', 'members'] as const

/** `window` is how many lookups it keeps in memory. */
export const emptyBook = (id: string, window = defaultWindow): Book =>
  withMemory(lookupMemory(window), {
    below: null,
    id,
    header: null,
    revision: -1,
    hash: genesis(id),
    recordedAt: 0,
    known: null,
    nextExpiry: Number.POSITIVE_INFINITY,
    periods: [],
    ...maps(),
  })

/** The book with these lookups for its own. */
export const withMemory = (memory: LookupMemory, book: Omit<Book, 'memory' | 'lookups'>): Book =>
  inOneForm({ ...book, memory, lookups: memory })

export const fork = (below: Book, known = below.known): Book =>
  inOneForm({ ...below, below, memory: null, known, ...maps() })

/**
 * All books are made by this one literal. The engine compiles what reads a book for the form of those
 * that it has seen; with a literal in each place, every snapshot brought a form of its own, and all
 * that decides was compiled anew.
 */
const inOneForm = (book: Book): Book => ({
  below: book.below,
  id: book.id,
  header: book.header,
  revision: book.revision,
  hash: book.hash,
  recordedAt: book.recordedAt,
  nextExpiry: book.nextExpiry,
  periods: book.periods,
  exponents: book.exponents,
  accounts: book.accounts,
  codes: book.codes,
  holds: book.holds,
  lookups: book.lookups,
  memory: book.memory,
  known: book.known,
  members: book.members,
})

/** Puts what the fork changed into the book below it, or into one that is equal to that. */
export const merge = (top: Book, below = top.below): void => {
  if (!below) throw new Error('only a fork can be merged')
  const { header, revision, hash, recordedAt, nextExpiry, periods } = top
  Object.assign(below, { header, revision, hash, recordedAt, nextExpiry, periods })
  for (const name of mapNames) {
    const target: Keyed<unknown> = below[name]
    for (const [key, value] of top[name]) target.set(key, value)
  }
  for (const [name, revision] of top.lookups) below.lookups.set(name, revision)
  for (const [id, hold] of top.holds) setHold(below, id, hold)
}

type MapName = (typeof mapNames)[number] | 'holds' | 'lookups'
type Value<Name extends MapName> = Book[Name] extends Keyed<infer V> ? V : never

const find = <Name extends MapName>(book: Book, name: Name, key: string) => {
  for (let layer: Book | null = book; layer; layer = layer.below) {
    const value = layer[name].get(key)
    if (value !== undefined) return value as Value<Name>
  }
  return undefined
}

/**
 * By id, or by the code that it has now. Codes are never UUIDs, so there is no doubt which is meant;
 * a closed account has its id only.
 */
export const findAccount = (book: Book, reference: string): Account | undefined => {
  const named = find(book, 'accounts', reference)
  if (named) return named
  const id = find(book, 'codes', reference)
  if (id === undefined) return find(book, 'accounts', reference.toLowerCase())
  const account = find(book, 'accounts', id)
  return account?.code === reference && account.status !== 'closed' ? account : undefined
}

/** The id of the account that this id or code means, or meant before it was free again. */
export const lastMeant = (book: Book, reference: string): string =>
  find(book, 'codes', reference) ?? reference.toLowerCase()

/** The revision of the event that this leads to; undefined where the book never had it. */
export const findRevision = (
  book: Book,
  kind: Mention['kind'],
  key: string,
): number | undefined => {
  if (kind === 'definition') return find(book, 'accounts', key)?.definedAt
  const name = `${kind} ${key}`
  const found = find(book, 'lookups', name)
  if (found !== undefined) return found
  const known = book.known?.get(name)
  if (book.known && known === undefined) {
    throw new Error(`${name} is looked up, but the command does not mention it`)
  }
  if (!book.known && isUncertain(book, name)) {
    throw new Error(`${name} may be older than what book ${book.id} keeps: fetch it first`)
  }
  return known ?? undefined
}

/** Like `findRevision`, but null where the book cannot have it, undefined where it may. */
export const recall = (
  book: Book,
  kind: Mention['kind'],
  key: string,
): number | null | undefined => {
  if (kind === 'definition') return find(book, 'accounts', key)?.definedAt ?? null
  const name = `${kind} ${key}`
  return find(book, 'lookups', name) ?? (isUncertain(book, name) ? undefined : null)
}

/** Whether something that is in no map may be older than they are. */
const isUncertain = (book: Book, name: string): boolean => {
  const { memory } = rootOf(book)
  return memory !== null && memory.floor >= 0 && memory.filter.mayHave(name)
}

const rootOf = (book: Book): Book => (book.below ? rootOf(book.below) : book)

/** Its window has every lookup of the events after this revision. */
export const floorOf = (book: Book): number => rootOf(book).memory?.floor ?? -1

export const remember = (book: Book, kind: LookupKind, key: string, revision: number): void => {
  book.lookups.set(`${kind} ${key}`, revision)
}

/** The hold, if it is open. */
export const findHold = (book: Book, id: string): Hold | undefined =>
  find(book, 'holds', id) ?? undefined

/** Null: it has ended. A book that stands on no other one forgets it. */
export const setHold = (book: Book, id: string, hold: Hold | null): void => {
  if (hold || book.below) book.holds.set(id, hold)
  else book.holds.delete(id)
  const { expiresAt = null } = hold ?? {}
  if (expiresAt !== null && expiresAt < book.nextExpiry) book.nextExpiry = expiresAt
}

/** Holds that are over at `now`, the earliest first. Afterwards the book knows when to look again. */
export const dueHolds = (book: Book, now: number): Hold[] => {
  if (now < book.nextExpiry) return []
  const due: Hold[] = []
  let next = Number.POSITIVE_INFINITY
  for (const hold of openHolds(book)) {
    if (hold.expiresAt === null) continue
    if (hold.expiresAt <= now) due.push(hold)
    else next = Math.min(next, hold.expiresAt)
  }
  if (due.length === 0) book.nextExpiry = next
  return due.sort(byExpiry)
}

const byExpiry = (one: Hold, other: Hold): number =>
  (one.expiresAt ?? 0) - (other.expiresAt ?? 0) || (one.id < other.id ? -1 : 1)

/** Whether no layer above has its own word on this hold. */
const isUppermost = (book: Book, layer: Book, id: string): boolean => {
  let above: Book | null = book
  while (above && above !== layer && above.holds.get(id) === undefined) above = above.below
  return above === layer
}

const openHolds = function* (book: Book): Generator<Hold> {
  for (let layer: Book | null = book; layer; layer = layer.below) {
    for (const [id, hold] of layer.holds) if (hold && isUppermost(book, layer, id)) yield hold
  }
}

/** Bytes of memory, roughly. */
export const sizeOf = (book: Book): number => {
  const { lookups, memory, below } = book
  let bytes = lookups.size * 200 + (below ? sizeOf(below) : 0)
  for (const name of [...mapNames, 'holds'] as const) bytes += bytesOf(book[name])
  for (const { bits } of memory?.filter.layers ?? []) bytes += bits.length
  return bytes
}

/** Digits after the point: as the book declares it, else by ISO 4217. */
export const exponentOf = (book: Book, currency: string): number | undefined =>
  find(book, 'exponents', currency) ?? isoExponent(currency)

/** Exponents of the currencies of these entries. */
export const exponentsOf = (
  book: Book,
  entries: readonly { readonly currency: string }[],
): Readonly<Record<string, number>> => {
  const exponents: Record<string, number> = {}
  for (const { currency } of entries) exponents[currency] ??= exponentOf(book, currency) as number
  return exponents
}

export const findMember = (book: Book, user: string): MemberRole | undefined =>
  find(book, 'members', user) ?? undefined

export const ownersOf = (book: Book): ReadonlySet<string> => {
  const owners = new Set(book.below ? ownersOf(book.below) : [])
  for (const [user, role] of book.members) {
    if (role === 'owner') owners.add(user)
    else owners.delete(user)
  }
  return owners
}
