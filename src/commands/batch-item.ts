import Type, { type Static, type TSchema } from 'typebox'
import { AccountReference } from '../domain/entry.ts'
import type { AppliedStatus } from '../domain/events/batch-applied.ts'
import { MetadataChanges } from '../domain/metadata.ts'
import { changeTransactionMetadata } from './change-transaction-metadata.ts'
import { closeAccount } from './close-account.ts'
import type { Command } from './command.ts'
import type { Step } from './decide-steps.ts'
import { freezeAccount, unfreezeAccount } from './freeze-account.ts'
import { AccountRequest, openAccounts } from './open-accounts.ts'
import { postHold } from './post-hold.ts'
import { recordTransactions, TransactionRequest } from './record-transactions.ts'
import { reverseTransaction } from './reverse-transaction.ts'
import { AccountChanges, updateAccount } from './update-account.ts'
import { voidHold } from './void-hold.ts'

const closed = { additionalProperties: false }

const AccountName = Type.Object({ account: AccountReference }, closed)

const ChangedAccount = Type.Object(
  { account: AccountReference, ...AccountChanges.properties },
  closed,
)

const ChangedMetadata = Type.Object(
  { transaction: Type.String({ format: 'uuid' }), metadata: MetadataChanges },
  closed,
)

/** One thing that a batch does: a single command, under the name of what it does. */
export const BatchItem = Type.Object(
  {
    open_account: Type.Optional(AccountRequest),
    update_account: Type.Optional(ChangedAccount),
    freeze_account: Type.Optional(AccountName),
    unfreeze_account: Type.Optional(AccountName),
    close_account: Type.Optional(AccountName),
    record: Type.Optional(TransactionRequest),
    post: Type.Optional(postHold.data),
    void: Type.Optional(voidHold.data),
    reverse: Type.Optional(reverseTransaction.data),
    change_metadata: Type.Optional(ChangedMetadata),
  },
  {
    ...closed,
    minProperties: 1,
    maxProperties: 1,
    description: 'One of these. Accounts and transactions may be those of items before it',
  },
)
export type BatchItem = Static<typeof BatchItem>

/** The single command that an item is. */
export const stepOf = (item: BatchItem): Step => {
  const { open_account, update_account, record, post, reverse, change_metadata } = item
  if (open_account) return step('opened', openAccounts, { accounts: [open_account] })
  if (record) return step('recorded', recordTransactions, { transactions: [record], atomic: true })
  if (post) return step('posted', postHold, post)
  if (item.void) return step('voided', voidHold, item.void)
  if (reverse) return step('reversed', reverseTransaction, reverse)
  if (change_metadata) return step('changed', changeTransactionMetadata, change_metadata)
  if (update_account) {
    const { account, ...changes } = update_account
    return step('updated', updateAccount, { ...targetOf({ account }), changes })
  }
  if (item.freeze_account) return step('frozen', freezeAccount, targetOf(item.freeze_account))
  if (item.unfreeze_account) {
    return step('unfrozen', unfreezeAccount, targetOf(item.unfreeze_account))
  }
  if (item.close_account) return step('closed', closeAccount, targetOf(item.close_account))
  throw new Error('an item of a batch names nothing to do')
}

const targetOf = ({ account }: Static<typeof AccountName>) => ({
  target: { account, versions: null },
})

const step = <Schema extends TSchema>(
  status: AppliedStatus,
  { idsFor, mentions, decide }: Command<Schema>,
  data: Static<Schema>,
): Step => ({
  status,
  idCount: idsFor(data),
  mentions: (book) => mentions(data, book),
  decide: (book, circumstances) => decide(data, book, circumstances),
})
