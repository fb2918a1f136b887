import { postHold } from '../../src/commands/post-hold.ts'
import type { Received } from '../../src/commands/received.ts'
import { voidHold } from '../../src/commands/void-hold.ts'
import type { Settlement } from './histories.ts'
import { receivedOf } from './received.ts'

/** The command that does this to a hold. */
export const settling = (
  one: Settlement,
  nextId: () => string,
  key: string | null = null,
): Received => {
  const { transaction } = one
  return one.kind === 'void'
    ? receivedOf(voidHold, { transaction }, { nextId, key })
    : receivedOf(postHold, { transaction, ...one.posting }, { nextId, key })
}
