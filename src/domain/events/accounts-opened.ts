import type { AccountType } from '../account.ts'
import type { Metadata } from '../metadata.ts'
import type { Event, EventType } from './event.ts'

export type OpenedAccount = {
  readonly id: string
  readonly code: string
  readonly name: string
  readonly type: AccountType
  readonly currency: string
  readonly exponent: number
  readonly min_balance: string | null
  readonly max_balance: string | null
  readonly metadata: Metadata
}

export type AccountsOpened = Event<
  'AccountsOpened',
  { readonly accounts: readonly OpenedAccount[] }
>

export const accountsOpened: EventType<AccountsOpened['data']> = { version: 1, upcasts: {} }
