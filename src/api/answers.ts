import type { Outcome } from '../commands/received.ts'
import type { AccountDefined } from '../domain/events/account-defined.ts'
import type { OpenedAccount } from '../domain/events/accounts-opened.ts'
import type { AppliedItem } from '../domain/events/batch-applied.ts'
import type { BookOpened } from '../domain/events/book-opened.ts'
import type { HoldPosted } from '../domain/events/hold-posted.ts'
import type { HoldVoided } from '../domain/events/hold-voided.ts'
import type { BookEvent, Recorded } from '../domain/events/index.ts'
import type { MemberSet } from '../domain/events/member-set.ts'
import type {
  RecordedTransaction,
  TransactionsRecorded,
} from '../domain/events/transactions-recorded.ts'
import { isKept } from '../domain/hold.ts'
import { periodId } from '../domain/period.ts'
import { accountTag } from '../queries/account-tag.ts'
import type { MemberAnswer } from '../queries/members.ts'
import type { ClosingAnswer, ReopeningAnswer } from '../queries/periods.ts'
import type {
  AccountAnswer,
  AccountResource,
  BookResource,
  SettlementResource,
  TransactionMetadataAnswer,
  TransactionResource,
} from '../queries/resources.ts'
import type { Reply } from './route.ts'

/** Answers to commands are functions of their event alone, so a retry gets the first one again. */
type Done = Extract<Outcome, { kind: 'done' }>

export const headersOf = ({ revision, isReplay }: Done): Record<string, string> => ({
  // A book that is only tried to be opened has none.
  ...(revision >= 0 && { 'Daybook-Revision': String(revision) }),
  ...(isReplay && { 'Idempotent-Replayed': 'true' }),
})

const expect = <Type extends BookEvent['type']>(
  event: BookEvent | null,
  type: Type,
): Extract<BookEvent, { type: Type }> => {
  if (event?.type !== type) throw new Error(`expected ${type}, found ${event?.type}`)
  return event as Extract<BookEvent, { type: Type }>
}

const recordedAs = <Type extends BookEvent['type']>({ recorded }: Done, type: Type) =>
  expect(recorded, type) as Recorded<Extract<BookEvent, { type: Type }>>

export const bookAnswer = (done: Done): BookResource => {
  const { data, metadata }: Recorded<BookOpened> = recordedAs(done, 'BookOpened')
  const { recorded_at } = metadata
  return {
    ...data,
    currencies: [...data.currencies],
    closed_through: null,
    account_count: 0,
    transaction_count: 0,
    entry_count: 0,
    created_at: recorded_at,
    updated_at: recorded_at,
  }
}

export const closingAnswer = (done: Done, bookId: string): ClosingAnswer => {
  const { data, metadata, revision } = recordedAs(done, 'PeriodClosed')
  const { from, through, trial_balance_hash } = data
  return {
    id: periodId(bookId, revision),
    book_id: bookId,
    from,
    through,
    shown_revision: data.revision,
    trial_balance_hash,
    closed_by: metadata.actor,
    revision,
    created_at: metadata.recorded_at,
  }
}

export const reopeningAnswer = (done: Done, bookId: string): ReopeningAnswer => {
  const { data, metadata, revision } = recordedAs(done, 'PeriodReopened')
  return {
    book_id: bookId,
    closed_through: data.through,
    reopened: data.closings.map((closing) => periodId(bookId, closing)),
    reopened_by: metadata.actor,
    revision,
    created_at: metadata.recorded_at,
  }
}

export const memberAnswer = (done: Done): MemberAnswer => {
  const { data, metadata }: Recorded<MemberSet> = recordedAs(done, 'MemberSet')
  return { user_id: data.user, role: data.role, updated_at: metadata.recorded_at }
}

export const accountAnswers = (done: Done, bookId: string): AccountResource[] => {
  const { data, metadata, revision } = recordedAs(done, 'AccountsOpened')
  return data.accounts.map((account) => toAccount(account, bookId, revision, metadata.recorded_at))
}

const toAccount = (
  account: OpenedAccount,
  bookId: string,
  revision: number,
  recordedAt: string,
): AccountResource => ({
  ...account,
  book_id: bookId,
  status: 'open',
  balances: { posted: '0', pending: '0', available: '0' },
  entry_count: 0,
  definition_revision: revision,
  revision,
  created_at: recordedAt,
  updated_at: recordedAt,
  deleted_at: null,
})

/** The account as a change of its definition left it. */
export const definitionReply = (
  done: Done,
  bookId: string,
  type: AccountDefined['type'],
): Reply => {
  const { data, metadata, revision }: Recorded<AccountDefined> = recordedAs(done, type)
  const { recorded_at } = metadata
  const answer: AccountAnswer = {
    ...data.account,
    book_id: bookId,
    definition_revision: revision,
    updated_at: recorded_at,
    deleted_at: type === 'AccountClosed' ? recorded_at : null,
  }
  return { headers: { ...headersOf(done), ETag: accountTag(answer) }, data: answer }
}

const toTransaction = (
  transaction: RecordedTransaction,
  event: Recorded<TransactionsRecorded>,
  bookId: string,
): TransactionResource => {
  const { id, status, effective_at, description, metadata, entries } = transaction
  const { requested_effective_at = null } = transaction
  return {
    id,
    book_id: bookId,
    status,
    effective_at,
    expires_at: transaction.expires_at ?? null,
    requested_effective_at,
    description,
    reference: transaction.reference ?? null,
    reverses: transaction.reverses ?? null,
    reversed_by: null,
    metadata,
    entries: entries.map(({ account, direction, amount, currency }) => {
      const exponent = event.data.exponents[currency] as number
      const state = status === 'pending' ? { posted: '0', remaining: amount } : {}
      return { account_id: account, direction, amount, currency, exponent, ...state }
    }),
    settled_revision: null,
    settled_at: null,
    revision: event.revision,
    created_at: event.metadata.recorded_at,
    updated_at: event.metadata.recorded_at,
  }
}

/** One transaction: that of the command, or the one that was there under its id. */
export const transactionReply = (done: Done, bookId: string): Reply => {
  const { data } = expect(done.event, 'TransactionsRecorded')
  const event = recordedAs(done, 'TransactionsRecorded')
  const id = data.existing[0]?.id ?? data.transactions[0]?.id
  const transaction = event.data.transactions.find((one) => one.id === id)
  if (!transaction) throw new Error(`event ${event.id} does not hold transaction ${id}`)
  const headers = { Location: `/v1/books/${bookId}/transactions/${id}`, ...headersOf(done) }
  const isKnown = data.existing.length > 0
  return { status: isKnown ? 200 : 201, headers, data: toTransaction(transaction, event, bookId) }
}

export const transactionMetadataAnswer = (
  done: Done,
  bookId: string,
): TransactionMetadataAnswer => {
  const { data, metadata } = recordedAs(done, 'TransactionMetadataChanged')
  return {
    id: data.transaction,
    book_id: bookId,
    metadata: data.metadata,
    updated_at: metadata.recorded_at,
  }
}

/** What a posting or a void made of its hold. */
export const settlementReply = (done: Done, bookId: string): Reply => ({
  headers: headersOf(done),
  data: toSettlement(done, bookId),
})

const toSettlement = ({ recorded }: Done, bookId: string): SettlementResource => {
  if (recorded?.type !== 'HoldPosted' && recorded?.type !== 'HoldVoided') {
    throw new Error(`expected the end of a hold, found ${recorded?.type}`)
  }
  const { data, metadata, revision } = recorded
  const entries = data.entries.map(({ account, currency, ...entry }) => ({
    account_id: account,
    remaining: '0',
    ...entry,
    currency,
    exponent: data.exponents[currency] as number,
  }))
  return {
    transaction_id: data.transaction,
    book_id: bookId,
    status: statusAfter(recorded),
    effective_at: data.effective_at,
    requested_effective_at:
      ('requested_effective_at' in data && data.requested_effective_at) || null,
    entries,
    revision,
    created_at: metadata.recorded_at,
  }
}

const statusAfter = (event: HoldPosted | HoldVoided): SettlementResource['status'] => {
  if (event.type === 'HoldVoided') return 'voided'
  return isKept(event.data.entries) ? 'pending' : 'posted'
}

/** A result an item, in the order of the request. */
export const batchReply = (done: Done): Reply => {
  const { data } = expect(done.event, 'TransactionsRecorded')
  const results = [
    ...data.transactions.map(({ index, id }) => ({ index, status: 'recorded', id })),
    ...data.existing.map(({ index, id }) => ({ index, status: 'existing', id })),
    ...data.refused.map(({ index, ...error }) => ({ index, status: 'refused', error })),
  ].sort((a, b) => a.index - b.index)
  const meta = {
    recorded: data.transactions.length,
    existing: data.existing.length,
    refused: data.refused.length,
  }
  const status = data.transactions.length > 0 ? 201 : 200
  return { status, headers: headersOf(done), data: { results }, meta }
}

/** A result an item of a batch of all kinds, in the order of the request. */
export const appliedReply = (done: Done): Reply => {
  const { items } = expect(done.event, 'BatchApplied').data
  const results = items.map((item, index) => ({ index, ...item }))
  const count = (status: AppliedItem['status']) =>
    items.filter((item) => item.status === status).length
  const [existing, refused] = [count('existing'), count('refused')]
  const applied = items.length - existing - refused
  const meta = { applied, existing, refused }
  return { status: applied > 0 ? 201 : 200, headers: headersOf(done), data: { results }, meta }
}
