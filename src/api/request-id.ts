import { randomBytes } from 'node:crypto'

const visible = /^[\x21-\x7e]{1,128}$/

/** Of this process: no other one has it. */
const origin = randomBytes(9).toString('base64url')
let count = 0

/** The id that the caller gave its request, or one that no other request has. */
export const requestIdOf = (given: string | string[] | undefined): string =>
  typeof given === 'string' && visible.test(given) ? given : `${origin}-${(++count).toString(36)}`
