import type { Metadata } from '../metadata.ts'
import type { Event, EventType } from './event.ts'

/** A transaction has this metadata, all of it, from now on. What it had is in the events before. */
export type TransactionMetadataChanged = Event<
  'TransactionMetadataChanged',
  { readonly metadata: Metadata; readonly transaction: string }
>

export const transactionMetadataChanged: EventType<TransactionMetadataChanged['data']> = {
  version: 1,
  upcasts: {},
}
