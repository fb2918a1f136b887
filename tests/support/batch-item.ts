import type { BatchItem } from '../../src/commands/batch-item.ts'
import type { Received } from '../../src/commands/received.ts'

type Single = { readonly command: Pick<Received['command'], 'name'>; readonly data: unknown }

/** A single command, as far as it is about one thing, as an item of a batch. */
export const itemOf = ({ command: { name }, data }: Single): BatchItem => {
  const { accounts, transactions, target, changes } = data as {
    readonly accounts?: readonly unknown[]
    readonly transactions?: readonly unknown[]
    readonly target?: { readonly account: string }
    readonly changes?: object
  }
  const account = target?.account
  const items: Readonly<Record<string, object>> = {
    OpenAccounts: { open_account: accounts?.[0] },
    UpdateAccount: { update_account: { account, ...changes } },
    FreezeAccount: { freeze_account: { account } },
    UnfreezeAccount: { unfreeze_account: { account } },
    CloseAccount: { close_account: { account } },
    RecordTransactions: { record: transactions?.[0] },
    PostHold: { post: data },
    VoidHold: { void: data },
    ReverseTransaction: { reverse: data },
    ChangeTransactionMetadata: { change_metadata: data },
  }
  const item = items[name]
  if (!item) throw new Error(`${name} is no item of a batch`)
  return item
}
