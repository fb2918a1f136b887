/**
 * The yardstick: plain double entry in Postgres, as one would write it well. One function does it
 * all in one round trip: rows locked in the order of their ids, so that no two calls can deadlock;
 * limits checked; balances, transaction and entries written. No foreign keys, which makes it faster.
 */
export const plainSchema = `
create schema plain;

create table plain.account (
  id uuid primary key, book_id uuid not null, type text not null, currency text not null,
  min_balance numeric(38,0), max_balance numeric(38,0), balance numeric(38,0) not null default 0,
  entry_count int8 not null default 0, updated_at timestamptz not null default now()
) with (fillfactor = 70);

create table plain.transaction (
  id uuid primary key, book_id uuid not null, effective_at timestamptz not null,
  description text, metadata jsonb not null, created_at timestamptz not null default now());
create index on plain.transaction (book_id, effective_at, id);

create table plain.entry (
  transaction_id uuid not null, line int4 not null, account_id uuid not null,
  effective_at timestamptz not null, direction text not null, amount numeric(38,0) not null,
  currency text not null, primary key (transaction_id, line));
create index on plain.entry (account_id, effective_at, transaction_id, line);

create function plain.post(
  book uuid, new_id uuid, description text, metadata jsonb,
  accounts uuid[], directions text[], amounts numeric[]
) returns timestamptz language plpgsql as $$
declare
  found int;
  at timestamptz := now();
begin
  perform 1 from plain.account a
    where a.book_id = book and a.id = any(accounts) order by a.id for update;
  get diagnostics found = row_count;
  if found < (select count(distinct one) from unnest(accounts) one) then
    raise exception 'account not found';
  end if;
  if (select sum(case line.direction when 'debit' then line.amount else -line.amount end)
      from unnest(directions, amounts) as line(direction, amount)) <> 0 then
    raise exception 'unbalanced';
  end if;
  update plain.account a
    set balance = a.balance + c.change, entry_count = a.entry_count + c.entries, updated_at = at
    from (
      select line.account, count(*) as entries, sum(case
        when (o.type in ('asset', 'expense')) = (line.direction = 'debit')
        then line.amount else -line.amount end) as change
      from unnest(accounts, directions, amounts) as line(account, direction, amount)
      join plain.account o on o.id = line.account group by line.account) c
    where a.id = c.account
      and (a.min_balance is null or c.change >= 0 or a.balance + c.change >= a.min_balance)
      and (a.max_balance is null or c.change <= 0 or a.balance + c.change <= a.max_balance);
  get diagnostics found = row_count;
  if found < (select count(distinct one) from unnest(accounts) one) then
    raise exception 'balance out of bounds';
  end if;
  insert into plain.transaction values (new_id, book, at, description, metadata, at);
  insert into plain.entry
    select new_id, line.place - 1, line.account, at, line.direction, line.amount, a.currency
    from unnest(accounts, directions, amounts) with ordinality
      as line(account, direction, amount, place)
    join plain.account a on a.id = line.account;
  return at;
end $$;

-- The same for many: each statement is run once for the whole batch.
create function plain.post_batch(
  book uuid, ids uuid[], descriptions text[], metadatas text[],
  transactions int[], accounts uuid[], directions text[], amounts numeric[]
) returns timestamptz language plpgsql as $$
declare
  found int;
  at timestamptz := now();
begin
  perform 1 from plain.account a
    where a.book_id = book and a.id = any(array(select distinct unnest(accounts)))
    order by a.id for update;
  get diagnostics found = row_count;
  if found < (select count(distinct one) from unnest(accounts) one) then
    raise exception 'account not found';
  end if;
  if exists (
    select from unnest(transactions, directions, amounts) as line(transaction, direction, amount)
    group by line.transaction
    having sum(case line.direction when 'debit' then line.amount else -line.amount end) <> 0) then
    raise exception 'unbalanced';
  end if;
  update plain.account a
    set balance = a.balance + c.change, entry_count = a.entry_count + c.entries, updated_at = at
    from (
      select line.account, count(*) as entries, sum(case
        when (o.type in ('asset', 'expense')) = (line.direction = 'debit')
        then line.amount else -line.amount end) as change
      from unnest(accounts, directions, amounts) as line(account, direction, amount)
      join plain.account o on o.id = line.account group by line.account) c
    where a.id = c.account
      and (a.min_balance is null or c.change >= 0 or a.balance + c.change >= a.min_balance)
      and (a.max_balance is null or c.change <= 0 or a.balance + c.change <= a.max_balance);
  get diagnostics found = row_count;
  if found < (select count(distinct one) from unnest(accounts) one) then
    raise exception 'balance out of bounds';
  end if;
  insert into plain.transaction
    select one.id, book, at, one.description, one.metadata::jsonb, at
    from unnest(ids, descriptions, metadatas) as one(id, description, metadata);
  insert into plain.entry
    select ids[line.transaction], line.place - 1, line.account, at, line.direction, line.amount,
      a.currency
    from unnest(transactions, accounts, directions, amounts) with ordinality
      as line(transaction, account, direction, amount, place)
    join plain.account a on a.id = line.account;
  return at;
end $$;
`

/** So much history before anything is measured: plans made on empty tables are bad ones. */
export const plainHistory = [
  `insert into plain.transaction
   select gen_random_uuid(), $1, now() - n * interval '1 second', 'Invoice ' || n,
     jsonb_build_object('order', 'o-' || n), now()
   from generate_series(1, $2::int) n`,
  `insert into plain.entry
   select t.id, side, ($1::uuid[])[1 + (t.n * 7 + side * 13) % array_length($1::uuid[], 1)],
     t.effective_at, case side when 0 then 'debit' else 'credit' end, 100, 'EUR'
   from (select id, effective_at, row_number() over () as n from plain.transaction) t,
     generate_series(0, 1) side`,
] as const
