import pg from 'pg'
import { canonicalJson } from './chain.ts'
import type { Account, HeldLine, Ledger } from './ledger.ts'
import type { Stored } from './log-reader.ts'

type ProjectionName = 'ledger' | 'lookup'

/** Of the build that queries read. */
const readSchema = async (db: pg.Client, projection: ProjectionName): Promise<string> => {
  const { rows } = await db.query(
    `select projection || '_v' || version || '_b' || build_id as schema
     from projection.live where projection = $1`,
    [projection],
  )
  return rows[0].schema
}

/** Of both projections. */
export const readSchemas = (db: pg.Client): Promise<[ledger: string, lookup: string]> =>
  Promise.all([readSchema(db, 'ledger'), readSchema(db, 'lookup')])

type Row = Readonly<Record<string, unknown>>

const instant = (column: string) =>
  `to_char("${column}" at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as "${column}"`

/** Each table's columns as text, as the fold below spells them. */
const tables = {
  book: {
    columns: ['id', 'name', 'time_zone', 'currencies', 'metadata'],
    counts: ['account_count', 'transaction_count', 'entry_count', 'closed_through'],
    instants: ['created_at', 'updated_at', 'deleted_at'],
  },
  account: {
    columns: ['id', 'book_id', 'code', 'name', 'type', 'currency', 'min_balance', 'max_balance'],
    counts: ['exponent', 'posted', 'pending_increase', 'pending_decrease', 'entry_count'].concat([
      'revision',
      'in_order_balance',
      'definition_revision',
      'status',
      'metadata',
    ]),
    instants: ['in_order_until', 'maturing_until', 'created_at', 'updated_at', 'deleted_at'],
  },
  transaction: {
    columns: ['id', 'book_id', 'revision', 'index', 'status', 'description', 'metadata'],
    counts: ['reference', 'reverses', 'hold', 'settled_revision'],
    instants: ['effective_at', 'expires_at', 'settled_at', 'created_at', 'updated_at'].concat([
      'requested_effective_at',
      'deleted_at',
    ]),
  },
  hold_entry: { columns: ['transaction_id', 'line', 'account_id'], counts: [], instants: [] },
  entry: {
    columns: ['transaction_id', 'line', 'account_id', 'revision', 'direction', 'amount'],
    counts: ['currency', 'in_order_balance'],
    instants: ['effective_at', 'created_at'],
  },
  member: {
    columns: ['id', 'book_id', 'user_id', 'role'],
    counts: [],
    instants: ['created_at', 'updated_at', 'deleted_at'],
  },
  lookup: { columns: ['id', 'book_id', 'revision'], counts: [], instants: [] },
  period: {
    columns: ['id', 'book_id', 'from', 'through', 'shown_revision', 'trial_balance_hash'],
    counts: ['closed_by', 'reopened_by', 'revision'],
    instants: ['created_at', 'updated_at', 'deleted_at'],
  },
} as const

export type Head = { readonly revision: number; readonly hash: string }

/** How far each book is folded into both projections. */
export const readCheckpoints = async (db: pg.Client): Promise<ReadonlyMap<string, Head>> => {
  const [ledger, lookup] = await readSchemas(db)
  const { rows } = await db.query(
    `select distinct on (book_id) book_id, revision::int8 as revision, event_hash
     from (select * from ${ledger}.checkpoint union all select * from ${lookup}.checkpoint) as folded
     where exists (select from ${ledger}.checkpoint where book_id = folded.book_id)
       and exists (select from ${lookup}.checkpoint where book_id = folded.book_id)
     order by book_id, revision`,
  )
  return new Map(
    rows.map((row) => [row.book_id, { revision: Number(row.revision), hash: row.event_hash }]),
  )
}

/** Why books stand still, if any do. */
export const readHalts = async (db: pg.Client): Promise<string[]> => {
  const [ledger, lookup] = await readSchemas(db)
  const { rows } = await db.query(
    `select book_id, revision, error from ${ledger}.failure
     union all select book_id, revision, error from ${lookup}.failure`,
  )
  return rows.map((row) => `halted: book ${row.book_id} at revision ${row.revision}: ${row.error}`)
}

/** Row for row: everything the fold gives is there, and nothing else. */
export const checkRows = async (
  db: pg.Client,
  ledgers: ReadonlyMap<string, Ledger>,
): Promise<{ failures: string[]; rows: number }> => {
  const failures: string[] = []
  const [ledgerSchema, lookupSchema] = await readSchemas(db)
  let rows = 0
  for (const [name, { columns, counts, instants }] of Object.entries(tables)) {
    const list = [
      ...[...columns, ...counts].map((column) => `"${column}"::text as "${column}"`),
      ...instants.map(instant),
    ]
    const wanted = new Map<string, Row>()
    const schema = name === 'lookup' ? lookupSchema : ledgerSchema
    for (const ledger of ledgers.values()) {
      for (const row of folded[name as keyof typeof tables](ledger)) {
        wanted.set(keyOf(name, row), row)
      }
    }
    const select = `select ${list.join(', ')} from ${schema}."${name}"`
    for await (const row of rowsOf(db, select)) {
      rows++
      const key = keyOf(name, row)
      const got = spelled(row)
      const due = wanted.get(key)
      wanted.delete(key)
      if (!due) failures.push(`row: ${name} ${key} is not in the fold: ${got}`)
      else if (got !== spelled(due)) {
        failures.push(`row: ${name} ${key} is ${got}, folded ${spelled(due)}`)
      }
    }
    for (const [key, due] of wanted) {
      failures.push(`row: ${name} ${key} is not there, folded ${spelled(due)}`)
    }
  }
  return { failures, rows }
}

const keyOf = (table: string, row: Row): string =>
  table === 'entry' || table === 'hold_entry'
    ? [row['transaction_id'], row['revision'] ?? '', row['line']].map(String).join('/')
    : String(row['id'])

const pageRows = 20_000

/** A page at a time, so that long tables need not fit into memory. */
async function* rowsOf(db: pg.Client, select: string): AsyncGenerator<Row> {
  await db.query('begin')
  await db.query(`declare found no scroll cursor for ${select}`)
  for (;;) {
    const { rows } = await db.query<Row>(`fetch ${pageRows} from found`)
    yield* rows
    if (rows.length < pageRows) break
  }
  await db.query('commit')
}

/** In one way only, JSON columns too. */
const spelled = (row: Row): string => {
  const members: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(row)) {
    const isJson = name === 'metadata' || name === 'currencies' || name === 'hold'
    const parsed = isJson && typeof value === 'string' ? JSON.parse(value) : value
    members[name] = isJson || parsed === null ? parsed : String(parsed)
  }
  return canonicalJson(members)
}

const folded: Record<keyof typeof tables, (ledger: Ledger) => Row[]> = {
  book: (ledger) => {
    const { header, counts, updatedAt } = ledger
    const { data, metadata } = header as Stored
    return [
      {
        ...data,
        account_count: counts.accounts,
        transaction_count: counts.transactions,
        entry_count: counts.entries,
        closed_through: ledger.closed.at(-1)?.through ?? null,
        created_at: metadata.recorded_at,
        updated_at: updatedAt,
        deleted_at: null,
      },
    ]
  },
  account: ({ id, accounts }) => [...accounts.values()].map((account) => accountRow(account, id)),
  transaction: ({ id: book_id, transactions }) =>
    [...transactions.values()].map(
      ({ id, revision, index, effectiveAt, description, metadata, createdAt, ...rest }) => ({
        id,
        book_id,
        revision,
        index,
        status: rest.held?.status ?? 'posted',
        description,
        metadata,
        reference: rest.reference,
        reverses: rest.reverses,
        hold: rest.held?.lines.map(heldLine) ?? null,
        settled_revision: rest.held?.settledRevision ?? null,
        settled_at: rest.held?.settledAt ?? null,
        expires_at: rest.held?.expiresAt ?? null,
        effective_at: effectiveAt,
        requested_effective_at: rest.requestedAt,
        created_at: createdAt,
        updated_at: rest.updatedAt,
        deleted_at: null,
      }),
    ),
  hold_entry: ({ transactions }) =>
    [...transactions.values()].flatMap(({ id, held }) =>
      (held?.lines ?? []).map(({ account }, line) => ({
        transaction_id: id,
        line,
        account_id: account.id,
      })),
    ),
  member: ({ id: book_id, members }) =>
    [...members.values()].map(({ id, user, role, createdAt, updatedAt, deletedAt }) => ({
      id,
      book_id,
      user_id: user,
      role,
      created_at: createdAt,
      updated_at: updatedAt,
      deleted_at: deletedAt,
    })),
  lookup: ({ id: book_id, lookups }) =>
    [...lookups].map(([id, revision]) => ({ id, book_id, revision })),
  period: ({ id: book_id, periods }) =>
    periods.map((period) => ({
      id: period.id,
      book_id,
      from: period.from,
      through: period.through,
      shown_revision: period.shownRevision,
      trial_balance_hash: period.hash,
      closed_by: period.closedBy,
      reopened_by: period.reopenedBy,
      revision: period.revision,
      created_at: period.createdAt,
      updated_at: period.reopenedAt ?? period.createdAt,
      deleted_at: period.reopenedAt,
    })),
  entry: ({ entries }) =>
    entries.map((entry) => ({
      transaction_id: entry.transactionId,
      line: entry.line,
      account_id: entry.account.id,
      revision: entry.revision,
      direction: entry.direction,
      amount: entry.amount,
      currency: entry.currency,
      in_order_balance: entry.inOrderBalance,
      effective_at: entry.effectiveAt,
      created_at: entry.createdAt,
    })),
}

const heldLine = ({ account, direction, amount, posted, remaining }: HeldLine) => ({
  account: account.id,
  amount: String(amount),
  currency: account.currency,
  direction,
  posted: String(posted),
  remaining: String(remaining),
})

const accountRow = (account: Account, book_id: string): Row => {
  const { definition, posted, entryCount, revision, createdAt, updatedAt } = account
  return {
    ...definition,
    book_id,
    definition_revision: account.definitionRevision,
    posted,
    pending_increase: account.pendingIncrease,
    pending_decrease: account.pendingDecrease,
    entry_count: entryCount,
    revision,
    in_order_balance: account.inOrderBalance,
    in_order_until: account.inOrderUntil,
    maturing_until: account.maturingUntil,
    created_at: createdAt,
    updated_at: updatedAt,
    deleted_at: account.closedAt,
  }
}
