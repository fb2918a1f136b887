import type { Event, EventType } from './event.ts'

/** The last closings are taken back, the latest of them first. */
export type PeriodReopened = Event<
  'PeriodReopened',
  {
    /** Revisions of the events that had closed them. */
    readonly closings: readonly number[]
    /** Up to here the book stays closed; null: it is open as a whole. */
    readonly through: string | null
  }
>

export const periodReopened: EventType<PeriodReopened['data']> = { version: 1, upcasts: {} }
