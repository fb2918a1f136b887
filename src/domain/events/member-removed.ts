import type { Event, EventType } from './event.ts'

export type MemberRemoved = Event<'MemberRemoved', { readonly user: string }>

export const memberRemoved: EventType<MemberRemoved['data']> = { version: 1, upcasts: {} }
