import type { Event, EventType } from './event.ts'

/** Nothing more is recorded as of the days up to `through`. */
export type PeriodClosed = Event<
  'PeriodClosed',
  {
    /** The first day that this one closes; null: all that were open. */
    readonly from: string | null
    /** The first instant after it, by the time zone of the book. */
    readonly opens_at: string
    /** The revision that the trial balance shows. */
    readonly revision: number
    readonly through: string
    /** Of the trial balance at the end of `through`: see `trialBalanceHash`. */
    readonly trial_balance_hash: string
  }
>

export const periodClosed: EventType<PeriodClosed['data']> = { version: 1, upcasts: {} }
