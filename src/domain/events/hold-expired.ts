import type { Event, EventType } from './event.ts'
import type { Release } from './hold-entry.ts'

/** What is left of a hold is let go of, because its time was over. */
export type HoldExpired = Event<'HoldExpired', Release>

export const holdExpired: EventType<HoldExpired['data']> = { version: 1, upcasts: {} }
