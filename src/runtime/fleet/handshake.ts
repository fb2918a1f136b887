import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { version } from '../../version.ts'

/**
 * Both sides prove that they know the secret, and neither tells it: where a peer listens is read in
 * Redis, which is trusted with less. Peers of other versions do not talk: what one makes of a command
 * may not be what the other would.
 */
export const hello = () => ({ daybook: version, nonce: randomBytes(16).toString('hex') })

/** Of the JWT secret, from which it cannot be worked out backwards. */
export const fleetSecret = (jwtSecret: string): Buffer =>
  createHmac('sha256', jwtSecret).update('daybook fleet').digest()

export const prove = (
  secret: Buffer,
  side: 'asking' | 'serving',
  askingNonce: string,
  servingNonce: string,
): string =>
  createHmac('sha256', secret).update(`${side} ${askingNonce} ${servingNonce}`).digest('hex')

export const isProof = (given: unknown, expected: string): boolean =>
  typeof given === 'string' &&
  given.length === expected.length &&
  timingSafeEqual(Buffer.from(given), Buffer.from(expected))
