import type { Rejection } from '../rejection.ts'
import type { Event, EventType } from './event.ts'

/** A keyed command was told no: kept, so that no late twin of it is told yes. */
export type CommandRefused = Event<
  'CommandRefused',
  { readonly command: string; readonly rejection: Rejection }
>

export const commandRefused: EventType<CommandRefused['data']> = { version: 1, upcasts: {} }
