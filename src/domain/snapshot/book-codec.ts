import type { Account } from '../account.ts'
import type { Book } from '../book.ts'
import type { Hold } from '../hold.ts'
import type { Keyed } from '../keyed.ts'
import {
  bigInteger,
  type Codec,
  fields,
  listOf,
  numberOrNever,
  orNull,
  ownKey,
  plain,
  word,
} from './codec.ts'
import type { MapCodec } from './packed-map.ts'

/** Raised when what a book's fields mean changes while their names stay. */
const version = 1

const account = fields<Account>({
  id: ownKey,
  code: plain(),
  type: word(),
  currency: word(),
  status: word(),
  minBalance: orNull(bigInteger),
  maxBalance: orNull(bigInteger),
  definedAt: plain(),
  posted: bigInteger,
  maturing: listOf(fields<Account['maturing'][number]>({ at: plain(), amount: bigInteger })),
  pendingIncrease: bigInteger,
  pendingDecrease: bigInteger,
  balanceRevision: plain(),
})

const hold = fields<Hold>({
  id: ownKey,
  expiresAt: plain(),
  effectiveAt: plain(),
  entries: listOf(
    fields<Hold['entries'][number]>({
      account: plain(),
      currency: word(),
      direction: word(),
      posted: plain(),
      remaining: plain(),
    }),
  ),
})

/** What a book is made anew from otherwise: its id, its place among forks, and its lookups. */
type Left = 'id' | 'below' | 'lookups' | 'memory' | 'known'
type Kept = Exclude<keyof Book, Left>
type MapName = { [Name in Kept]: Book[Name] extends Keyed<infer _> ? Name : never }[Kept]
type ScalarName = Exclude<Kept, MapName>
type ValueOf<Name extends MapName> = Book[Name] extends Keyed<infer Value> ? Value : never

/** Every map of a book: one that is left out does not compile. */
export const mapCodecs: { readonly [Name in MapName]: MapCodec<ValueOf<Name>> } = {
  exponents: plain(),
  accounts: account,
  codes: { ...plain<string>('text'), isText: true },
  holds: orNull(hold),
  members: plain(),
}

export const scalarCodec: Codec<Pick<Book, ScalarName>> = fields<Pick<Book, ScalarName>>({
  header: plain(),
  revision: plain(),
  hash: plain(),
  recordedAt: plain(),
  nextExpiry: numberOrNever,
  periods: listOf(
    fields<Book['periods'][number]>({ through: plain(), end: plain(), revision: plain() }),
  ),
})

export const mapNames = Object.keys(mapCodecs) as MapName[]

/** Names what this release writes; a snapshot of another format is not read. */
export const format = [
  version,
  scalarCodec.form,
  ...mapNames.map((name) => `${name}:${mapCodecs[name].form}`),
].join(' ')
