import type { Rejection } from '../rejection.ts'
import type { Event, EventType } from './event.ts'

/** What became of an item that was not refused. */
export const appliedStatuses = [
  'opened',
  'updated',
  'frozen',
  'unfrozen',
  'closed',
  'recorded',
  'existing',
  'posted',
  'voided',
  'reversed',
  'changed',
] as const
export type AppliedStatus = (typeof appliedStatuses)[number]

/** What became of one item of a batch. */
export type AppliedItem =
  | {
      /** Of the account or transaction; of a reversal, the id of the transaction that reverses. */
      readonly id: string
      /** Of the event that did it; of what was there already, the event that recorded it. */
      readonly revision: number
      readonly status: AppliedStatus
    }
  | { readonly error: Rejection; readonly status: 'refused' }

/**
 * The end of a batch: the events right before it that name it as their cause did what it says, and
 * were appended together with it. It has the whole answer, an item each in the order of the request.
 */
export type BatchApplied = Event<
  'BatchApplied',
  {
    /** All or none; else each item stood for itself. */
    readonly atomic: boolean
    readonly items: readonly AppliedItem[]
  }
>

export const batchApplied: EventType<BatchApplied['data']> = {
  version: 1,
  upcasts: {},
  leaves: ['items'],
}
