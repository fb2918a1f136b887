import { type RawBuilder, sql } from 'kysely'
import Type, { type Static } from 'typebox'
import type { HeldLine } from '../projections/ledger/holds.ts'
import type { ReadModel } from './query.ts'
import type { TransactionResource } from './resources.ts'

type Entries = TransactionResource['entries']
type ShownAccount = { readonly code: string; readonly exponent: number }
type Accounts = Readonly<Record<string, ShownAccount & Pick<Entries[number], 'account'>>>

export const Expand = Type.Optional(
  Type.Literal('account', { description: 'Show id, code, name and type of each entry’s account' }),
)
export type Expand = Static<typeof Expand>

const expandedAccount = sql`'account', json_build_object(
  'id', account.id, 'code', account.code, 'name', account.name, 'type', account.type)`

const entriesWith = (more: RawBuilder<unknown>) =>
  sql<Entries | null>`case when transaction.hold is null then (
    select json_agg(json_build_object(
      'account_id', entry.account_id, 'account_code', account.code, 'direction', entry.direction,
      'amount', entry.amount::text, 'currency', entry.currency, 'exponent', account.exponent${more}
    ) order by entry.line)
    from entry join account on account.id = entry.account_id
    where entry.transaction_id = transaction.id
  ) end`.as('entries')

const heldAccountsWith = (more: RawBuilder<unknown>) =>
  sql<Accounts | null>`case when transaction.hold is not null then (
    select json_object_agg(account.id, json_build_object(
      'code', account.code, 'exponent', account.exponent${more}))
    from account where account.id in (
      select account_id from hold_entry where hold_entry.transaction_id = transaction.id)
  ) end`.as('held_accounts')

const reversedBy = sql<string | null>`(
    select reversal.id from transaction as reversal where reversal.reverses = transaction.id
  )`.as('reversed_by')

const besideWith = (more: RawBuilder<unknown>) =>
  [entriesWith(more), heldAccountsWith(more), reversedBy] as const
const plain = besideWith(sql``)
const expanded = besideWith(sql`, ${expandedAccount}`)

/** Beside a transaction's own columns, what is shown of it from elsewhere: one statement for all. */
export const besideTransaction = (expand?: Expand) => (expand === undefined ? plain : expanded)

type Shown = ReadModel['transaction'] & {
  readonly entries: Entries | null
  readonly held_accounts: Accounts | null
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
  entries: row.entries ?? heldEntries(row),
  settled_revision: row.settled_revision,
  settled_at: row.settled_at,
  revision: row.revision,
  created_at: row.created_at,
  updated_at: row.updated_at,
})

/** Of a hold: its lines as they were held, and what became of each. */
const heldEntries = ({ hold, held_accounts }: Shown): Entries =>
  ((hold ?? []) as HeldLine[]).map(({ account: id, ...line }) => {
    const held = held_accounts?.[id]
    if (!held) throw new Error(`the read model has no account ${id}`)
    const { code, exponent, account } = held
    return { account_id: id, account_code: code, exponent, ...line, ...(account && { account }) }
  })
