import type { Event, EventType } from './event.ts'
import type { Exponents, SettledEntry } from './hold-entry.ts'

/** A hold is posted, as a whole or in part. It goes on only if something of it remains. */
export type HoldPosted = Event<
  'HoldPosted',
  {
    /** When the posting counts in the books, whatever the hold said. */
    readonly effective_at: string
    /** All lines of the hold, in their order. */
    readonly entries: readonly SettledEntry[]
    readonly exponents: Exponents
    /** The date that was asked for, where it lay in a closed period. */
    readonly requested_effective_at?: string
    /** The hold's id. */
    readonly transaction: string
  }
>

export const holdPosted: EventType<HoldPosted['data']> = { version: 1, upcasts: {} }
