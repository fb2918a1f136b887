import {
  type AccountClosed,
  type AccountFrozen,
  type AccountUnfrozen,
  type AccountUpdated,
  accountDefined,
} from './account-defined.ts'
import { type AccountsOpened, accountsOpened } from './accounts-opened.ts'
import { type BatchApplied, batchApplied } from './batch-applied.ts'
import { type BookOpened, bookOpened } from './book-opened.ts'
import { type CommandRefused, commandRefused } from './command-refused.ts'
import type { EventMetadata, EventType } from './event.ts'
import { type HoldExpired, holdExpired } from './hold-expired.ts'
import { type HoldPosted, holdPosted } from './hold-posted.ts'
import { type HoldVoided, holdVoided } from './hold-voided.ts'
import { type MemberRemoved, memberRemoved } from './member-removed.ts'
import { type MemberSet, memberSet } from './member-set.ts'
import { type PeriodClosed, periodClosed } from './period-closed.ts'
import { type PeriodReopened, periodReopened } from './period-reopened.ts'
import {
  type TransactionMetadataChanged,
  transactionMetadataChanged,
} from './transaction-metadata-changed.ts'
import { type TransactionsRecorded, transactionsRecorded } from './transactions-recorded.ts'

export type BookEvent =
  | BookOpened
  | AccountsOpened
  | AccountUpdated
  | AccountFrozen
  | AccountUnfrozen
  | AccountClosed
  | TransactionsRecorded
  | HoldPosted
  | HoldVoided
  | HoldExpired
  | TransactionMetadataChanged
  | PeriodClosed
  | PeriodReopened
  | MemberSet
  | MemberRemoved
  | CommandRefused
  | BatchApplied

/** An event as it stands in its book: `revision` is its place there, `position` in the whole log. */
export type Recorded<E extends BookEvent = BookEvent> = E & {
  readonly id: string
  readonly revision: number
  readonly metadata: EventMetadata
}

export const eventTypes = {
  BookOpened: bookOpened,
  AccountsOpened: accountsOpened,
  AccountUpdated: accountDefined,
  AccountFrozen: accountDefined,
  AccountUnfrozen: accountDefined,
  AccountClosed: accountDefined,
  TransactionsRecorded: transactionsRecorded,
  HoldPosted: holdPosted,
  HoldVoided: holdVoided,
  HoldExpired: holdExpired,
  TransactionMetadataChanged: transactionMetadataChanged,
  PeriodClosed: periodClosed,
  PeriodReopened: periodReopened,
  MemberSet: memberSet,
  MemberRemoved: memberRemoved,
  CommandRefused: commandRefused,
  BatchApplied: batchApplied,
} satisfies { [E in BookEvent as E['type']]: EventType<E['data']> }
