import { freezeAccount, unfreezeAccount } from '../../src/commands/freeze-account.ts'
import { postHold } from '../../src/commands/post-hold.ts'
import type { Received } from '../../src/commands/received.ts'
import { reverseTransaction } from '../../src/commands/reverse-transaction.ts'
import { voidHold } from '../../src/commands/void-hold.ts'
import type { Settlement } from './histories.ts'
import { receivedOf } from './received.ts'

/** The command that does this to a transaction or an account. */
export const settling = (
  one: Settlement,
  nextId: () => string,
  key: string | null = null,
): Received => {
  const options = { nextId, key }
  switch (one.kind) {
    case 'void':
      return receivedOf(voidHold, { transaction: one.transaction }, options)
    case 'post': {
      const { transaction, posting } = one
      return receivedOf(postHold, { transaction, ...posting }, options)
    }
    case 'reverse': {
      const { transaction, reversal } = one
      return receivedOf(reverseTransaction, { transaction, ...reversal }, options)
    }
    case 'freeze':
    case 'unfreeze': {
      const command = one.kind === 'freeze' ? freezeAccount : unfreezeAccount
      return receivedOf(command, { target: { account: one.account, versions: null } }, options)
    }
  }
}
