import type { Book, KnownLookups } from '../domain/book.ts'
import type { Recorded } from '../domain/events/index.ts'
import { keyScope, type Mention } from '../domain/lookup.ts'
import type { TrialBalance } from '../domain/trial-balance.ts'
import type { Received } from './received.ts'

/** What a group needs to be decided, beside the book. */
export type Facts = {
  readonly known: KnownLookups
  readonly events: ReadonlyMap<number, Recorded>
  /** Lookups by kind and key that could not be settled now. */
  readonly unsettled: ReadonlySet<string>
  readonly balance: GroupBalance | null
}

/** Of the book before the group, for its first command; null where it could not be had in time. */
export type GroupBalance = { readonly of: Received; readonly balance: TrialBalance | null }

/** A command's key, and whatever else its decision may look up. */
export const mentionsOf = (
  { command, data, actor, key }: Received,
  book: Book,
): readonly Mention[] => {
  const mentions = command.mentions(data, book)
  return key ? [{ kind: 'key', key: keyScope(actor, key.route, key.value) }, ...mentions] : mentions
}
