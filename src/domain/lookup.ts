import type { BookEvent, Recorded } from './events/index.ts'
import { isKept } from './hold.ts'

/**
 * What a book must find again however long ago it was: the key leads to the revision of an event.
 *
 * | kind | key | event |
 * | --- | --- | --- |
 * | transaction | its id | that recorded it |
 * | key | scope of an idempotency key, see `keyScope` | that answered it |
 * | reference | of a transaction | that recorded the transaction |
 * | reversal | the original's id | that reversed it |
 * | settlement | the hold's id | that ended it |
 * | metadata | a transaction's id | that changed its metadata last |
 */
export type LookupKind =
  | 'transaction'
  | 'key'
  | 'reference'
  | 'reversal'
  | 'settlement'
  | 'metadata'

export type Lookup = { readonly kind: LookupKind; readonly key: string }

/** What a command names: something to look up, or an account's id for the event that defines it. */
export type Mention = Lookup | { readonly kind: 'definition'; readonly key: string }

/** Whether it may lead to another event later; all others lead to one for ever. */
export const isRepeated = ({ kind }: Mention): boolean => kind === 'metadata'

/** What an idempotency key is unique in. */
export const keyScope = (actor: string, route: string, key: string): string =>
  `${actor} ${route} ${key}`

/** Everything that can be looked up once this event is in the book, and leads to it. */
export const lookupsOf = (event: Recorded): Lookup[] => {
  const { actor, route, idempotency_key } = event.metadata
  const named = namedIn(event)
  if (idempotency_key === null || route === null) return named
  return [{ kind: 'key', key: keyScope(actor, route, idempotency_key) }, ...named]
}

/** What of this can be looked up follows from the content of the event. */
export const namedIn = (event: BookEvent): Lookup[] => {
  const lookups: Lookup[] = []
  switch (event.type) {
    case 'TransactionsRecorded':
      for (const { id, reference, reverses } of event.data.transactions) {
        lookups.push({ kind: 'transaction', key: id })
        if (reference !== undefined) lookups.push({ kind: 'reference', key: reference })
        if (reverses !== undefined) lookups.push({ kind: 'reversal', key: reverses })
      }
      break
    case 'HoldPosted':
      if (!isKept(event.data.entries)) {
        lookups.push({ kind: 'settlement', key: event.data.transaction })
      }
      break
    case 'HoldVoided':
    case 'HoldExpired':
      lookups.push({ kind: 'settlement', key: event.data.transaction })
      break
    case 'TransactionMetadataChanged':
      lookups.push({ kind: 'metadata', key: event.data.transaction })
      break
    case 'BookOpened':
    case 'AccountsOpened':
    case 'AccountUpdated':
    case 'AccountFrozen':
    case 'AccountUnfrozen':
    case 'AccountClosed':
    case 'PeriodClosed':
    case 'PeriodReopened':
    case 'MemberSet':
    case 'MemberRemoved':
    case 'CommandRefused':
    case 'BatchApplied':
      break
  }
  return lookups
}
