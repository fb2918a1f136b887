import type { Currency } from '../currency.ts'
import type { Metadata } from '../metadata.ts'
import type { Event, EventType } from './event.ts'

export type BookOpened = Event<
  'BookOpened',
  {
    readonly id: string
    readonly name: string
    readonly time_zone: string
    /** Currencies of this book beside those of ISO 4217. */
    readonly currencies: readonly Currency[]
    readonly metadata: Metadata
  }
>

export const bookOpened: EventType<BookOpened['data']> = { version: 1, upcasts: {} }
