import { createSecretKey } from 'node:crypto'
import jwt from 'jsonwebtoken'
import { LRUCache } from 'lru-cache'
import { refuse } from '../domain/rejection.ts'
import type { Principal } from './route.ts'

export type Tokens = {
  readonly issue: (principal: Principal) => { token: string; expiresIn: number }
  /** Throws `unauthenticated` or `token_expired`. */
  readonly verify: (token: string) => Principal
}

const issuer = 'daybook'
const audience = 'daybook-api'
const lifetime = 15 * 60

/**
 * JWT, HS256 and nothing else. The secret becomes a KeyObject once: with a string jsonwebtoken makes
 * a key of it at every call, which is forty times slower.
 */
export const createTokens = (secret: string): Tokens => {
  const key = createSecretKey(Buffer.from(secret))
  const verified = new LRUCache<string, { principal: Principal; expiresAt: number }>({
    max: 10_000,
  })

  return {
    issue: ({ id, role }) => {
      const claims = { role, ver: 1 }
      const options = { issuer, audience, subject: id, expiresIn: lifetime, keyid: '1' } as const
      const token = jwt.sign(claims, key, { ...options, algorithm: 'HS256' })
      return { token, expiresIn: lifetime }
    },
    verify: (token) => {
      const known = verified.get(token)
      if (known && known.expiresAt > Date.now()) return known.principal
      try {
        const options = { algorithms: ['HS256'], issuer, audience } as const
        const claims = jwt.verify(token, key, {
          ...options,
          algorithms: ['HS256'],
        }) as jwt.JwtPayload
        const { sub, exp } = claims
        const role: unknown = claims['role']
        if (typeof sub !== 'string' || (role !== 'admin' && role !== 'user') || !exp) {
          return refuse('unauthenticated')
        }
        const principal: Principal = { id: sub, role }
        verified.set(token, { principal, expiresAt: exp * 1000 })
        return principal
      } catch (error) {
        return refuse(error instanceof jwt.TokenExpiredError ? 'token_expired' : 'unauthenticated')
      }
    },
  }
}
