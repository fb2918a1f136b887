import type { Static, TSchema } from 'typebox'
import type { Book } from '../domain/book.ts'
import type { BookEvent, Recorded } from '../domain/events/index.ts'
import type { Mention } from '../domain/lookup.ts'
import type { MemberRole } from '../domain/member.ts'
import type { Rejection } from '../domain/rejection.ts'
import type { TrialBalance } from '../domain/trial-balance.ts'

/** All that a decision may rest on beside the book: no clock, no randomness, no I/O. */
export type Circumstances = {
  /** When this is being recorded, in ms since 1970. */
  readonly now: number
  /** Ids for what the command makes, fixed when it was received. */
  readonly ids: readonly string[]
  /** Whether it carries an idempotency key, so that even a refusal must leave a trace. */
  readonly isKeyed: boolean
  /** As the command asks for it; null where it does not. */
  readonly trialBalance: TrialBalance | null
  /** Whether it is given by an owner of the book or by an administrator. */
  readonly isByOwner: boolean
  /** The event that something mentioned leads to; undefined where the book never had it. */
  readonly eventOf: (mention: Mention) => Recorded | undefined
  /**
   * Makes an event the one after the last of a book. It is for a command of several events, which
   * come before the one that ends it; `place` counts them.
   */
  readonly sealPart: (event: BookEvent, book: Book, place: number) => Recorded
}

export type Decision =
  | {
      readonly kind: 'accepted'
      readonly event: BookEvent
      /** An event in the book that the answer shows in place of the new one. */
      readonly shown: Recorded | null
      /** A fork of the book with the event's transactions in it, where one was made to decide them. */
      readonly after: Book | null
      /** Made by `sealPart`: they are appended together with the event, and before it. */
      readonly parts: readonly Recorded[]
    }
  | { readonly kind: 'refused'; readonly rejection: Rejection }
  /** Nothing is to be stored. The answer is that of an event in the book, or of none at all. */
  | {
      readonly kind: 'answered'
      readonly event: BookEvent | null
      readonly recorded: Recorded | null
    }

/** One intent: the schema of its data, and what the book makes of it. */
export type Command<Schema extends TSchema = TSchema> = {
  readonly name: string
  readonly data: Schema
  /** Whose it is to give, beside an administrator. */
  readonly roles: readonly MemberRole[]
  /** How many ids it may need. */
  readonly idsFor: (data: Static<Schema>) => number
  /**
   * All that the decision may look up, beside ids that were drawn for it: a book does not keep
   * everything in memory, so that this is fetched first.
   */
  readonly mentions: (data: Static<Schema>, book: Book) => readonly Mention[]
  /**
   * The end (exclusive, in ms since 1970) of the trial balance that the decision needs. It is that
   * of the book before the command's group, so the command is the first of its group.
   */
  readonly trialBalanceEnd?: (data: Static<Schema>, book: Book) => number
  readonly decide: (data: Static<Schema>, book: Book, circumstances: Circumstances) => Decision
}

export const command = <Schema extends TSchema>(it: Command<Schema>): Command<Schema> => it

export const refused = (rejection: Rejection): Decision => ({ kind: 'refused', rejection })
type Accepted = Extract<Decision, { kind: 'accepted' }>

export const accepted = (
  event: BookEvent,
  { shown = null, after = null, parts = [] }: Partial<Omit<Accepted, 'kind' | 'event'>> = {},
): Decision => ({ kind: 'accepted', event, shown, after, parts })
