import Type from 'typebox'
import { refuse } from '../../domain/rejection.ts'
import type { Dependencies } from '../dependencies.ts'
import { type Route, route } from '../route.ts'

const Login = Type.Object(
  {
    email: Type.String({ minLength: 3, maxLength: 254 }),
    password: Type.String({ minLength: 1, maxLength: 1000 }),
  },
  { additionalProperties: false },
)

const Token = Type.Object({
  token: Type.String({ description: 'Goes into Authorization: Bearer <token>' }),
  token_type: Type.Literal('Bearer'),
  expires_in: Type.Integer({ description: 'Seconds' }),
})

export const authRoutes = ({ authenticate, tokens }: Dependencies): Route[] => [
  route({
    method: 'post',
    address: '/v1/auth/login',
    summary: 'Log in',
    tag: 'auth',
    isPublic: true,
    schemas: { body: Login },
    answers: { 200: Token },
    handle: async ({ body }) => {
      const principal = await authenticate(body.email, body.password)
      if (!principal) return refuse('unauthenticated', 'The e-mail or the password is wrong.')
      const { token, expiresIn } = tokens.issue(principal)
      const headers = { 'Cache-Control': 'no-store' }
      return { headers, data: { token, token_type: 'Bearer', expires_in: expiresIn } }
    },
  }),
]
