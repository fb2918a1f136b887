import { applyBatch } from './apply-batch.ts'
import { changeTransactionMetadata } from './change-transaction-metadata.ts'
import { closeAccount } from './close-account.ts'
import { closePeriod } from './close-period.ts'
import type { Command } from './command.ts'
import { expireHolds } from './expire-holds.ts'
import { freezeAccount, unfreezeAccount } from './freeze-account.ts'
import { openAccounts } from './open-accounts.ts'
import { openBook } from './open-book.ts'
import { postHold } from './post-hold.ts'
import { recordTransactions } from './record-transactions.ts'
import { removeMember } from './remove-member.ts'
import { reopenPeriod } from './reopen-period.ts'
import { replaceAccount } from './replace-account.ts'
import { reverseTransaction } from './reverse-transaction.ts'
import { setMember } from './set-member.ts'
import { updateAccount } from './update-account.ts'
import { voidHold } from './void-hold.ts'

/** Every command, to be found by its name when another process hands one over. */
export const commands: readonly Pick<Command<never>, 'name'>[] = [
  openBook,
  setMember,
  removeMember,
  openAccounts,
  updateAccount,
  replaceAccount,
  freezeAccount,
  unfreezeAccount,
  closeAccount,
  recordTransactions,
  postHold,
  voidHold,
  expireHolds,
  changeTransactionMetadata,
  closePeriod,
  reopenPeriod,
  reverseTransaction,
  applyBatch,
]
