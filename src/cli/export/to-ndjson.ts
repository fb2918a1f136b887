import type { DefinedAccount } from '../../domain/events/account-defined.ts'
import type { OpenedAccount } from '../../domain/events/accounts-opened.ts'
import type { HoldPosted } from '../../domain/events/hold-posted.ts'
import type { RecordedTransaction } from '../../domain/events/transactions-recorded.ts'
import { isKept } from '../../domain/hold.ts'
import type { Metadata } from '../../domain/metadata.ts'
import type { JournalAccount } from '../import/journal.ts'
import type { ChangeLine, JournalLine } from '../import/line.ts'
import type { HistoryEvent } from './history.ts'

/** What of the history so far is needed to write what follows. */
type State = {
  /** Codes of the accounts at this point, by their ids. */
  readonly codes: Map<string, string>
  /** What is left of the lines of each open hold. */
  readonly held: Map<string, readonly string[]>
  /** Metadata of those transactions whose metadata will change. */
  readonly metadata: Map<string, Metadata>
  readonly changing: ReadonlySet<string>
}

/**
 * The history as `daybook import` does it again in another book: everything but who did it and when
 * it was recorded, who may see the book, and what was refused. What has expired is voided there.
 * @param changing ids of the transactions whose metadata change somewhere in the history
 */
export async function* toNdjson(
  events: AsyncIterable<HistoryEvent>,
  changing: ReadonlySet<string>,
): AsyncGenerator<string> {
  const state: State = { codes: new Map(), held: new Map(), metadata: new Map(), changing }
  for await (const event of events) {
    for (const line of linesOf(event, state)) yield `${JSON.stringify(line)}\n`
  }
}

const linesOf = (event: HistoryEvent, state: State): readonly JournalLine[] => {
  const { codes, held } = state
  switch (event.type) {
    case 'BookOpened': {
      const { name, time_zone, currencies, metadata } = event.data
      return [{ type: 'book', name, time_zone, currencies, metadata }]
    }
    case 'AccountsOpened':
      return event.data.accounts.map((account) => {
        codes.set(account.id, account.code)
        return { type: 'account', account: toAccount(account) }
      })
    case 'AccountUpdated': {
      const { account } = event.data
      const before = codeOf(account.id, state)
      codes.set(account.id, account.code)
      return [{ type: 'replace_account', account: before, replacement: toReplacement(account) }]
    }
    case 'AccountFrozen':
      return [{ type: 'freeze_account', account: codeOf(event.data.account.id, state) }]
    case 'AccountUnfrozen':
      return [{ type: 'unfreeze_account', account: codeOf(event.data.account.id, state) }]
    case 'AccountClosed':
      return [{ type: 'close_account', account: codeOf(event.data.account.id, state) }]
    case 'TransactionsRecorded':
      return event.data.transactions.map((transaction) => recorded(transaction, state))
    case 'HoldPosted':
      return [posted(event, state)]
    case 'HoldVoided':
    case 'HoldExpired':
      held.delete(event.data.transaction)
      return [{ type: 'void_hold', transaction: event.data.transaction }]
    case 'TransactionMetadataChanged': {
      const { transaction, metadata } = event.data
      return [changedMetadata(transaction, metadata, state)]
    }
    case 'PeriodClosed':
      return [{ type: 'close_period', through: event.data.through }]
    case 'PeriodReopened':
      return [{ type: 'reopen_period', through: event.data.through }]
    case 'MemberSet':
    case 'MemberRemoved':
    case 'CommandRefused':
    case 'BatchApplied':
      return []
  }
}

const codeOf = (id: string, { codes }: State): string => {
  const code = codes.get(id)
  if (code === undefined) throw new Error(`the history speaks of account ${id} before it opens it`)
  return code
}

const toAccount = ({ id: _, exponent: __, ...account }: OpenedAccount): JournalAccount => account

/** The limits were taken when they were set, so they are again. */
const toReplacement = ({ code, name, min_balance, max_balance, metadata }: DefinedAccount) => {
  return { code, name, min_balance, max_balance, metadata, enforce: 'future' }
}

const recorded = (transaction: RecordedTransaction, state: State): JournalLine => {
  const { id, status, description, metadata, entries } = transaction
  const { expires_at, reference, reverses } = transaction
  const isHeld = status === 'pending'
  if (isHeld)
    state.held.set(
      id,
      entries.map(({ amount }) => amount),
    )
  if (state.changing.has(id)) state.metadata.set(id, metadata)
  const told = {
    ...dateOf(transaction),
    ...(reference !== undefined && { reference }),
    ...(description !== null && { description }),
    ...(Object.keys(metadata).length > 0 && { metadata }),
  }
  if (reverses !== undefined) {
    // It was taken when it was recorded, so it is again.
    const reversal = { ...told, force: true }
    return { type: 'reverse_transaction', transaction: reverses, name: id, reversal }
  }
  const content = {
    ...(isHeld && { status }),
    ...told,
    ...(expires_at !== undefined && { expires_at }),
    entries: entries.map(({ account, direction, amount, currency }) => {
      return { account: codeOf(account, state), direction, amount, currency }
    }),
  }
  return { type: 'transaction', name: id, transaction: content }
}

const posted = ({ data }: HoldPosted, state: State): ChangeLine => {
  const { transaction, entries } = data
  const before = state.held.get(transaction) ?? []
  const isWhole = entries.every(({ amount }, line) => amount === before[line])
  const parts = entries.filter(({ amount }) => amount !== '0')
  if (isKept(entries)) {
    state.held.set(
      transaction,
      entries.map(({ remaining }) => remaining),
    )
  } else {
    state.held.delete(transaction)
  }
  const posting = {
    ...(!isWhole && entries.length === 2 && { amount: parts[0]?.amount as string }),
    ...(!isWhole &&
      entries.length > 2 && {
        entries: parts.map(({ account, direction, amount }) => {
          return { account: codeOf(account, state), direction, amount }
        }),
      }),
    ...(isKept(entries) && { remainder: 'keep' as const }),
    ...dateOf(data),
  }
  return { type: 'post_hold', transaction, posting }
}

/** What was moved out of a closed period is moved again. */
const dateOf = (dated: { effective_at: string; requested_effective_at?: string }) => {
  const { effective_at, requested_effective_at } = dated
  if (requested_effective_at === undefined) return { effective_at }
  return { effective_at: requested_effective_at, on_closed_period: 'roll_forward' as const }
}

/** The API merges what it is sent into what is there; what is null is removed. */
const changedMetadata = (transaction: string, after: Metadata, state: State): ChangeLine => {
  const removed = Object.keys(state.metadata.get(transaction) ?? {}).filter(
    (key) => !Object.hasOwn(after, key),
  )
  state.metadata.set(transaction, after)
  const metadata = { ...after, ...Object.fromEntries(removed.map((key) => [key, null])) }
  return { type: 'change_metadata', transaction, metadata }
}
