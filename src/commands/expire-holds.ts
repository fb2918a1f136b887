import Type from 'typebox'
import { command } from './command.ts'

/**
 * Asks a book to let its holds expire that are over, which it does before it decides anything: this
 * command itself has nothing to add. It is for books that nobody writes to.
 */
export const expireHolds = command({
  name: 'ExpireHolds',
  data: Type.Object({}, { additionalProperties: false }),
  roles: [],
  idsFor: () => 0,
  mentions: () => [],
  decide: () => ({ kind: 'answered', event: null, recorded: null }),
})
