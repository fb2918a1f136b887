import type { Static } from 'typebox'
import type { HoldPosting } from '../../commands/post-hold.ts'
import type { TransactionRequest } from '../../commands/record-transactions.ts'
import type { ReversalRequest } from '../../commands/reverse-transaction.ts'
import type { Currency } from '../../domain/currency.ts'
import type { Metadata } from '../../domain/metadata.ts'
import type { JournalAccount } from './journal.ts'

/**
 * One line of an NDJSON journal: something done in a book, as the API takes it. Accounts go by the
 * code that they have at this point of the file, transactions by the name that the file gives them.
 */
export type JournalLine = BookLine | AccountLine | TransactionLine | ChangeLine

export type BookLine = {
  readonly type: 'book'
  readonly name?: string
  readonly time_zone?: string
  readonly currencies?: readonly Currency[]
  readonly metadata?: Metadata
}

export type AccountLine = { readonly type: 'account'; readonly account: JournalAccount }

export type TransactionLine = {
  readonly type: 'transaction'
  readonly name?: string
  readonly transaction: TransactionRequest
}

type OfTransaction<Type extends string> = {
  readonly type: Type
  /** Its name in the file. */
  readonly transaction: string
}

type OfAccount<Type extends string> = { readonly type: Type; readonly account: string }

/** Changes of what is there already. */
export type ChangeLine =
  | (OfAccount<'replace_account'> & { readonly replacement: { readonly code: string } })
  | OfAccount<'freeze_account'>
  | OfAccount<'unfreeze_account'>
  | OfAccount<'close_account'>
  | (OfTransaction<'post_hold'> & { readonly posting: Static<typeof HoldPosting> })
  | OfTransaction<'void_hold'>
  /** `name` is what the reversal is called from then on. */
  | (OfTransaction<'reverse_transaction'> & {
      readonly name?: string
      readonly reversal: Static<typeof ReversalRequest>
    })
  /** What is null is removed. */
  | (OfTransaction<'change_metadata'> & {
      readonly metadata: Readonly<Record<string, string | null>>
    })
  | { readonly type: 'close_period'; readonly through: string }
  /** Null: the book is open as a whole. */
  | { readonly type: 'reopen_period'; readonly through: string | null }
