import Type from 'typebox'
import { removeMember } from '../../commands/remove-member.ts'
import { setMember } from '../../commands/set-member.ts'
import { MemberRole } from '../../domain/member.ts'
import { refuse } from '../../domain/rejection.ts'
import { listMembers, MemberAnswer, MemberResource } from '../../queries/members.ts'
import { pageParameters } from '../../queries/page.ts'
import { headersOf, memberAnswer } from '../answers.ts'
import type { Dependencies } from '../dependencies.ts'
import { BookPath, bookIdOf, MemberPath, userIdOf } from '../parameters.ts'
import { read } from '../read.ts'
import { type Route, route } from '../route.ts'

const tag = 'members'

export const memberRoutes = (dependencies: Dependencies): Route[] => [
  route({
    method: 'get',
    address: '/v1/books/{book}/members',
    summary: 'List who has a role in a book',
    tag,
    schemas: {
      path: BookPath,
      query: Type.Object(pageParameters, { additionalProperties: false }),
    },
    answers: { 200: Type.Array(MemberResource) },
    refusals: ['book_not_found', 'invalid_cursor'],
    handle: (call) => read(dependencies, call, listMembers, call.query),
  }),
  route({
    method: 'put',
    address: '/v1/books/{book}/members/{user}',
    summary: 'Give a user a role in a book (owners only)',
    tag,
    schemas: {
      path: MemberPath,
      body: Type.Object({ role: MemberRole }, { additionalProperties: false }),
    },
    answers: { 200: MemberAnswer },
    refusals: ['book_not_found', 'forbidden', 'user_not_found', 'last_owner'],
    handle: async ({ path, body: { role }, execute }) => {
      const user = userIdOf(path.user)
      if (!(await dependencies.users.find(user))) return refuse('user_not_found')
      const done = await execute(setMember, bookIdOf(path.book), { user, role })
      return { headers: headersOf(done), data: memberAnswer(done) }
    },
  }),
  route({
    method: 'delete',
    address: '/v1/books/{book}/members/{user}',
    summary: 'Take a user’s role in a book away (owners only)',
    tag,
    schemas: { path: MemberPath },
    answers: { 204: Type.Null() },
    refusals: ['book_not_found', 'forbidden', 'member_not_found', 'last_owner'],
    handle: async ({ path, execute }) => {
      const done = await execute(removeMember, bookIdOf(path.book), { user: userIdOf(path.user) })
      return { status: 204, headers: headersOf(done), data: null }
    },
  }),
]
