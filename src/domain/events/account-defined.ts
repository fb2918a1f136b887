import type { AccountStatus } from '../account.ts'
import type { OpenedAccount } from './accounts-opened.ts'
import type { Event, EventType } from './event.ts'

/** All that defines an account but its balances, as it is from this event on. */
export type DefinedAccount = OpenedAccount & { readonly status: AccountStatus }

type Definition = { readonly account: DefinedAccount }

export type AccountUpdated = Event<'AccountUpdated', Definition>
/** It takes no entries until it is unfrozen. */
export type AccountFrozen = Event<'AccountFrozen', Definition>
export type AccountUnfrozen = Event<'AccountUnfrozen', Definition>
/** It takes no entries any more, and its code is free again. */
export type AccountClosed = Event<'AccountClosed', Definition>

/** Each has the whole definition, so that nobody needs the events before it to know the account. */
export type AccountDefined = AccountUpdated | AccountFrozen | AccountUnfrozen | AccountClosed

export const accountDefined: EventType<Definition> = { version: 1, upcasts: {} }

const types: ReadonlySet<string> = new Set<AccountDefined['type']>([
  'AccountUpdated',
  'AccountFrozen',
  'AccountUnfrozen',
  'AccountClosed',
])

export const isAccountDefined = <E extends { readonly type: string }>(
  event: E,
): event is E & AccountDefined => types.has(event.type)
