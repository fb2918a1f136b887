import type { MemberRole } from '../member.ts'
import type { Event, EventType } from './event.ts'

/** A user has this role in the book from now on, whatever it was before. */
export type MemberSet = Event<'MemberSet', { readonly user: string; readonly role: MemberRole }>

export const memberSet: EventType<MemberSet['data']> = { version: 1, upcasts: {} }
