import type { Event, EventType } from './event.ts'
import type { Release } from './hold-entry.ts'

/** What is left of a hold is let go of, as somebody asked for. */
export type HoldVoided = Event<'HoldVoided', Release>

export const holdVoided: EventType<HoldVoided['data']> = { version: 1, upcasts: {} }
