import type { Account } from './account.ts'
import { genesis } from './chain.ts'
import { isoExponent } from './currency.ts'
import type { LookupKind, Mention } from './lookup.ts'
import type { MemberRole } from './member.ts'

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
  readonly exponents: Map<string, number>
  readonly accounts: Map<string, Account>
  /** The account that has each code, or had it last. */
  readonly codes: Map<string, string>
  /** Revisions by kind and key, see `LookupKind`. */
  readonly lookups: Map<string, number>
  /** Roles by user; null for one who is a member no more. */
  readonly members: Map<string, MemberRole | null>
}

const maps = () => ({
  exponents: new Map<string, number>(),
  accounts: new Map<string, Account>(),
  codes: new Map<string, string>(),
  lookups: new Map<string, number>(),
  members: new Map<string, MemberRole | null>(),
})

const mapNames = ['exponents', 'accounts', 'codes', 'lookups', 'members'] as const

export const emptyBook = (id: string): Book => ({
  below: null,
  id,
  header: null,
  revision: -1,
  hash: genesis(id),
  recordedAt: 0,
  ...maps(),
})

export const fork = (below: Book): Book => ({ ...below, below, ...maps() })

/** Puts what the fork changed into the book below it. */
export const merge = (top: Book): void => {
  const { below } = top
  if (!below) throw new Error('only a fork can be merged')
  const { header, revision, hash, recordedAt } = top
  Object.assign(below, { header, revision, hash, recordedAt })
  for (const name of mapNames) {
    const target: Map<string, unknown> = below[name]
    for (const [key, value] of top[name]) target.set(key, value)
  }
}

type MapName = (typeof mapNames)[number]
type Value<Name extends MapName> = Book[Name] extends Map<string, infer V> ? V : never

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
  const id = find(book, 'codes', reference)
  if (id === undefined) return find(book, 'accounts', reference.toLowerCase())
  const account = find(book, 'accounts', id)
  return account?.code === reference && account.status !== 'closed' ? account : undefined
}

/** The id of the account that this id or code means, or meant before it was free again. */
export const lastMeant = (book: Book, reference: string): string =>
  find(book, 'codes', reference) ?? reference.toLowerCase()

/** The revision of the event that this leads to; undefined where the book never had it. */
export const findRevision = (book: Book, kind: Mention['kind'], key: string): number | undefined =>
  kind === 'definition'
    ? find(book, 'accounts', key)?.definedAt
    : find(book, 'lookups', `${kind} ${key}`)

export const remember = (book: Book, kind: LookupKind, key: string, revision: number): void => {
  book.lookups.set(`${kind} ${key}`, revision)
}

/** Digits after the point: as the book declares it, else by ISO 4217. */
export const exponentOf = (book: Book, currency: string): number | undefined =>
  find(book, 'exponents', currency) ?? isoExponent(currency)

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
