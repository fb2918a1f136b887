import { sql } from 'kysely'
import Type, { type Static } from 'typebox'
import type { HeldLine } from '../projections/ledger/holds.ts'
import type { ReadModel } from './query.ts'
import type { TransactionResource } from './resources.ts'

type Entry = TransactionResource['entries'][number]
type ShownAccount = { readonly code: string; readonly exponent: number }
type Accounts = Readonly<Record<string, ShownAccount & Pick<Entry, 'account'>>>

export const Expand = Type.Optional(
  Type.Literal('account', { description: 'Show id, code, name and type of each entry’s account' }),
)
export type Expand = Static<typeof Expand>

/**
 * An entry is six words, which `toEntry` reads: making JSON of them would cost Postgres as much as
 * finding them. None has a space or a comma in it.
 */
const entries = sql<string | null>`case when transaction.hold is null then (
    select string_agg(
      concat_ws(' ', entry.account_id, account.code, entry.direction, entry.amount,
        entry.currency, account.exponent),
      ',' order by entry.revision, entry.line)
    from entry join account on account.id = entry.account_id
    where entry.transaction_id = transaction.id
  ) end`.as('entries')

/** Lines of a hold say no more of their accounts than the id. */
const heldAccounts = sql<Accounts | null>`case when transaction.hold is not null then (
    select json_object_agg(
      account.id, json_build_object('code', account.code, 'exponent', account.exponent))
    from account where account.id in (
      select account_id from hold_entry where transaction_id = transaction.id)
  ) end`.as('accounts')

const expandedAccounts = sql<Accounts | null>`(
    select json_object_agg(account.id, json_build_object(
      'code', account.code, 'exponent', account.exponent, 'account', json_build_object(
        'id', account.id, 'code', account.code, 'name', account.name, 'type', account.type)))
    from account where account.id in (
      select account_id from entry where transaction_id = transaction.id
      union all select account_id from hold_entry where transaction_id = transaction.id)
  )`.as('accounts')

const reversedBy = sql<string | null>`(
    select reversal.id from transaction as reversal where reversal.reverses = transaction.id
  )`.as('reversed_by')

const plain = [entries, heldAccounts, reversedBy] as const
const expanded = [entries, expandedAccounts, reversedBy] as const

/** Beside a transaction's own columns, what is shown of it from elsewhere: one statement for all. */
export const besideTransaction = (expand?: Expand) => (expand === undefined ? plain : expanded)

type Shown = ReadModel['transaction'] & {
  readonly entries: string | null
  readonly accounts: Accounts | null
  readonly reversed_by: string | null
}

export const toTransaction = (row: Shown): TransactionResource => ({
  id: row.id,
  book_id: row.book_id,
  status: row.status as TransactionResource['status'],
  effective_at: row.effective_at,
  requested_effective_at: row.requested_effective_at,
  expires_at: row.expires_at,
  description: row.description,
  reference: row.reference,
  reverses: row.reverses,
  reversed_by: row.reversed_by,
  metadata: row.metadata as TransactionResource['metadata'],
  entries: entriesOf(row),
  settled_revision: row.settled_revision,
  settled_at: row.settled_at,
  revision: row.revision,
  created_at: row.created_at,
  updated_at: row.updated_at,
})

const entriesOf = ({ hold, entries: found, accounts }: Shown): Entry[] =>
  hold === null
    ? (found?.split(',') ?? []).map((words) => toEntry(words, accounts))
    : (hold as HeldLine[]).map((line) => toHeldEntry(line, accounts))

const toEntry = (words: string, accounts: Accounts | null): Entry => {
  const [account_id, account_code, direction, amount, currency, exponent] = words.split(' ')
  const entry = {
    account_id,
    account_code,
    direction,
    amount,
    currency,
    exponent: Number(exponent),
  } as Entry
  const account = accounts?.[entry.account_id]?.account
  return account ? { ...entry, account } : entry
}

/** Of a hold: a line as it was held, and what became of it. */
const toHeldEntry = ({ account: id, ...line }: HeldLine, accounts: Accounts | null): Entry => {
  const held = accounts?.[id]
  if (!held) throw new Error(`the read model has no account ${id}`)
  const { code, exponent, account } = held
  return { account_id: id, account_code: code, exponent, ...line, ...(account && { account }) }
}
