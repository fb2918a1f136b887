import Type from 'typebox'
import { findMember, ownersOf } from '../domain/book.ts'
import { MemberRole } from '../domain/member.ts'
import { reject } from '../domain/rejection.ts'
import { accepted, command, refused } from './command.ts'

const SetMember = Type.Object({ user: Type.String({ format: 'uuid' }), role: MemberRole })

/** Gives a user a role in the book, or another one. */
export const setMember = command({
  name: 'SetMember',
  data: SetMember,
  roles: ['owner'],
  idsFor: () => 0,
  mentions: () => [],

  decide: ({ user, role }, book) => {
    const isLastOwner = findMember(book, user) === 'owner' && ownersOf(book).size === 1
    if (isLastOwner && role !== 'owner') return refused(reject('last_owner'))
    return accepted({ type: 'MemberSet', data: { user, role } })
  },
})
