/** What holds of the ledger's rows as long as what was folded into them was balanced. */
export const ledgerInvariants = {
  'Posted balances sum to zero in each currency of a book': `
    select book_id, currency,
      sum(case when type in ('asset', 'expense') then posted else -posted end) as sum
    from account group by book_id, currency
    having sum(case when type in ('asset', 'expense') then posted else -posted end) <> 0`,

  'An account has as many entries as it counts, and they sum to what is posted': `
    select account.id, posted, entry_count, found.entries, found.sum
    from account left join (
      select account_id, count(*) as entries,
        sum(case when direction = 'debit' then amount else -amount end) as sum
      from entry group by account_id
    ) as found on account_id = account.id
    where entry_count <> coalesce(entries, 0)
      or posted <> coalesce(sum, 0) * case when type in ('asset', 'expense') then 1 else -1 end`,

  'A book counts its open accounts, its transactions and its entries': `
    select book.id, account_count, transaction_count, book.entry_count
    from book left join (
      select book_id, count(*) filter (where deleted_at is null) as open,
        sum(entry_count) as entries
      from account group by book_id
    ) as accounts on accounts.book_id = book.id left join (
      select book_id, count(*) as recorded from transaction group by book_id
    ) as transactions on transactions.book_id = book.id
    where account_count <> coalesce(open, 0) or entry_count <> coalesce(entries, 0)
      or transaction_count <> coalesce(recorded, 0)`,
} as const
