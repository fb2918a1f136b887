import Type from 'typebox'
import { findMember, ownersOf } from '../domain/book.ts'
import { reject } from '../domain/rejection.ts'
import { accepted, command, refused } from './command.ts'

const RemoveMember = Type.Object({ user: Type.String({ format: 'uuid' }) })

/** Takes a user's role in the book away. */
export const removeMember = command({
  name: 'RemoveMember',
  data: RemoveMember,
  roles: ['owner'],
  idsFor: () => 0,
  mentions: () => [],

  decide: ({ user }, book) => {
    const role = findMember(book, user)
    if (role === undefined) return refused(reject('member_not_found'))
    if (role === 'owner' && ownersOf(book).size === 1) return refused(reject('last_owner'))
    return accepted({ type: 'MemberRemoved', data: { user } })
  },
})
