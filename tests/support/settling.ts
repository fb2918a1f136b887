import { postHold } from '../../src/commands/post-hold.ts'
import type { Received } from '../../src/commands/received.ts'
import { reverseTransaction } from '../../src/commands/reverse-transaction.ts'
import { voidHold } from '../../src/commands/void-hold.ts'
import type { Settlement } from './histories.ts'
import { receivedOf } from './received.ts'

/** The command that does this to a transaction. */
export const settling = (
  one: Settlement,
  nextId: () => string,
  key: string | null = null,
): Received => {
  const { transaction } = one
  switch (one.kind) {
    case 'void':
      return receivedOf(voidHold, { transaction }, { nextId, key })
    case 'post':
      return receivedOf(postHold, { transaction, ...one.posting }, { nextId, key })
    case 'reverse':
      return receivedOf(reverseTransaction, { transaction, ...one.reversal }, { nextId, key })
  }
}
