import Type from 'typebox'
import { refuse } from '../../domain/rejection.ts'
import { pageParameters } from '../../queries/page.ts'
import type { Dependencies } from '../dependencies.ts'
import { onlyAdmin } from '../only-admin.ts'
import { type Route, route } from '../route.ts'

const tag = 'users'

const UserRequest = Type.Object(
  {
    email: Type.String({ format: 'email', maxLength: 254 }),
    password: Type.String({ minLength: 12, maxLength: 1000 }),
  },
  { additionalProperties: false },
)

const UserResource = Type.Object({
  id: Type.String({ format: 'uuid' }),
  email: Type.String(),
  role: Type.Union([Type.Literal('admin'), Type.Literal('user')]),
  created_at: Type.String({ format: 'date-time' }),
})

export const userRoutes = ({ users }: Dependencies): Route[] => [
  route({
    method: 'get',
    address: '/v1/users',
    summary: 'List users (administrators only)',
    tag,
    schemas: { query: Type.Object(pageParameters, { additionalProperties: false }) },
    answers: { 200: Type.Array(UserResource) },
    refusals: ['forbidden', 'invalid_cursor'],
    handle: ({ query, principal }) => {
      onlyAdmin(principal)
      return users.list(query)
    },
  }),
  route({
    method: 'post',
    address: '/v1/users',
    summary: 'Add a user (administrators only)',
    description: 'A user can open books, and is a member of those that others let them into.',
    tag,
    schemas: { body: UserRequest },
    answers: { 201: UserResource },
    refusals: ['forbidden', 'email_taken'],
    handle: async ({ body: { email, password }, principal }) => {
      onlyAdmin(principal)
      const data = await users.add(email, password)
      return data ? { status: 201, data } : refuse('email_taken')
    },
  }),
]
