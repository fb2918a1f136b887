import type pg from 'pg'
import { signed } from '../../src/domain/account.ts'
import type { Recorded } from '../../src/domain/events/index.ts'
import { upcast } from '../../src/domain/upcast.ts'
import { ledger } from '../../src/projections/ledger/ledger.ts'
import { untyped } from '../../src/projections/projection.ts'
import type { EventStore } from '../../src/runtime/event-store.ts'
import { type Database, inTransaction } from '../../src/runtime/postgres.ts'
import { createWhole } from '../../src/runtime/projections/schema.ts'

const schema = 'plainly'
const pageSize = 1_000
const list = (values: readonly unknown[]): string => `{${values.join(',')}}`
const textList = (values: readonly (string | null)[]): string =>
  list(values.map((one) => (one === null ? 'NULL' : `"${one.replace(/["\\]/g, '\\$&')}"`)))

type AccountType = Parameters<typeof signed>[0]
type Folding = {
  readonly client: pg.PoolClient
  readonly bookId: string
  readonly types: Map<string, AccountType>
}

/** What one would write first: a page of events, a few set-based statements, the next page. */
export const foldPlainly = async (
  db: Database,
  store: EventStore,
  bookId: string,
): Promise<number> => {
  await db.query(`drop schema if exists ${schema} cascade`)
  await db.query(createWhole(schema, untyped(ledger)).join(';\n'))
  await forgiveWhatIsLeftOut(db)
  const types = new Map<string, AccountType>()
  const start = performance.now()
  for (let from = 0; ; ) {
    const events: Recorded[] = []
    for await (const one of store.readBook(bookId, from, pageSize)) events.push(upcast(one))
    if (events.length === 0) return (performance.now() - start) / 1000
    await inTransaction(db, 'begin', (client) => foldPage({ client, bookId, types }, events))
    from += events.length
  }
}

/** It writes what every ledger has, and not each column that ours has come to have. */
const forgiveWhatIsLeftOut = async (db: Database): Promise<void> => {
  const { rows } = await db.query<{ statement: string }>(
    `select format('alter table %I.%I alter %I drop not null', table_schema, table_name, column_name)
       as statement
     from information_schema.columns join information_schema.tables
       using (table_schema, table_name)
     where table_schema = $1 and is_nullable = 'NO' and column_name not in (
       select column_name from information_schema.key_column_usage as used
       where used.table_schema = $1 and used.table_name = columns.table_name)`,
    [schema],
  )
  for (const { statement } of rows) await db.query(statement)
}

const foldPage = async (folding: Folding, events: readonly Recorded[]): Promise<void> => {
  for (const event of events) await openWhatIsOpened(folding, event)
  await addTransactions(folding, events)
  const { client, bookId } = folding
  const { revision, metadata } = events.at(-1) as Recorded
  await client.query(
    `insert into ${schema}.checkpoint (book_id, revision, event_hash, position, updated_at)
     values ($1, $2, $3, 0, $4) on conflict (book_id) do update
     set revision = excluded.revision, event_hash = excluded.event_hash`,
    [bookId, revision, metadata.hash, metadata.recorded_at],
  )
}

const openWhatIsOpened = async ({ client, bookId, types }: Folding, event: Recorded) => {
  const at = event.metadata.recorded_at
  if (event.type === 'BookOpened') {
    const { name, time_zone, currencies, metadata } = event.data
    await client.query(
      `insert into ${schema}.book (id, name, time_zone, currencies, metadata, account_count,
         transaction_count, entry_count, created_at, updated_at)
       values ($1, $2, $3, $4, $5, 0, 0, 0, $6, $6)`,
      [bookId, name, time_zone, JSON.stringify(currencies), metadata, at],
    )
  } else if (event.type === 'AccountsOpened') {
    for (const { id, type } of event.data.accounts) types.set(id, type)
    await client.query(
      `insert into ${schema}.account (id, book_id, code, name, type, currency, exponent, status,
         metadata, posted, pending_increase, pending_decrease, entry_count, revision,
         in_order_balance, created_at, updated_at)
       select id, $1, code, name, type, currency, exponent, 'open', metadata, 0, 0, 0, 0, $3, 0,
         $4, $4
       from json_to_recordset($2) as account(id uuid, code text, name text, type text,
         currency text, exponent int4, metadata jsonb)`,
      [bookId, JSON.stringify(event.data.accounts), event.revision, at],
    )
  }
}

const addTransactions = async (
  { client, bookId, types }: Folding,
  events: readonly Recorded[],
): Promise<void> => {
  const recorded = events.flatMap((event) =>
    event.type === 'TransactionsRecorded'
      ? event.data.transactions.map((one) => ({
          ...one,
          revision: event.revision,
          at: event.metadata.recorded_at,
        }))
      : [],
  )
  if (recorded.length === 0) return
  const entries = recorded.flatMap(({ id, revision, at, effective_at, entries: lines }) =>
    lines.map((line, place) => ({ ...line, id, revision, at, effective_at, place })),
  )
  const changes = new Map<string, { posted: bigint; count: number; revision: number }>()
  for (const { account, direction, amount, revision } of entries) {
    const change = changes.get(account) ?? { posted: 0n, count: 0, revision }
    change.posted += signed(types.get(account) as AccountType, direction, BigInt(amount))
    change.count++
    change.revision = revision
    changes.set(account, change)
  }
  await client.query(
    `insert into ${schema}.transaction (id, book_id, revision, index, status, effective_at,
       description, metadata, created_at, updated_at)
     select id, $1, revision, index, 'posted', effective_at, description, metadata::jsonb, at, at
     from unnest($2::uuid[], $3::int8[], $4::int4[], $5::timestamptz[], $6::text[], $7::text[],
       $8::timestamptz[]) as t(id, revision, index, effective_at, description, metadata, at)`,
    [
      bookId,
      list(recorded.map(({ id }) => id)),
      list(recorded.map(({ revision }) => revision)),
      list(recorded.map(({ index }) => index)),
      list(recorded.map(({ effective_at }) => effective_at)),
      textList(recorded.map(({ description }) => description)),
      textList(recorded.map(({ metadata }) => JSON.stringify(metadata))),
      list(recorded.map(({ at }) => at)),
    ],
  )
  await client.query(
    `insert into ${schema}.entry (transaction_id, line, account_id, revision, effective_at,
       direction, amount, currency, created_at)
     select * from unnest($1::uuid[], $2::int4[], $3::uuid[], $4::int8[], $5::timestamptz[],
       $6::text[], $7::numeric[], $8::text[], $9::timestamptz[])`,
    [
      list(entries.map(({ id }) => id)),
      list(entries.map(({ place }) => place)),
      list(entries.map(({ account }) => account)),
      list(entries.map(({ revision }) => revision)),
      list(entries.map(({ effective_at }) => effective_at)),
      list(entries.map(({ direction }) => direction)),
      list(entries.map(({ amount }) => amount)),
      list(entries.map(({ currency }) => currency)),
      list(entries.map(({ at }) => at)),
    ],
  )
  const changed = [...changes]
  await client.query(
    `update ${schema}.account a
     set posted = a.posted + c.posted, entry_count = a.entry_count + c.count, revision = c.revision
     from unnest($1::uuid[], $2::numeric[], $3::int8[], $4::int8[]) as c(id, posted, count, revision)
     where a.id = c.id`,
    [
      list(changed.map(([id]) => id)),
      list(changed.map(([, { posted }]) => posted)),
      list(changed.map(([, { count }]) => count)),
      list(changed.map(([, { revision }]) => revision)),
    ],
  )
}
