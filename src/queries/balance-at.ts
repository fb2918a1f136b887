import { type RawBuilder, sql } from 'kysely'
import { normalSide } from './resources.ts'

/**
 * The balance of `account` (the row in scope, in its normal sign) from the entries for which
 * `place < bound` holds. Entries that came in the order of their dates carry a running balance, so
 * their share is one look-up; the late ones are summed through an index of their own. What was
 * recorded after the revision `pin` does not count.
 */
export const balanceBefore = (
  place: RawBuilder<unknown>,
  bound: RawBuilder<unknown>,
  pin: number,
) =>
  sql<string>`(
  coalesce((
    select in_order_balance from entry
    where account_id = account.id and in_order_balance is not null and ${place} < ${bound}
      and revision <= ${pin}
    order by effective_at desc, revision desc, line desc limit 1
  ), 0) + coalesce((
    select sum(case when direction = ${normalSide} then amount else -amount end) from entry
    where account_id = account.id and in_order_balance is null and ${place} < ${bound}
      and revision <= ${pin}
  ), 0)
)`

/** What counts before an instant (exclusive). */
export const balanceAt = (end: Date, revision: number) =>
  balanceBefore(sql`entry.effective_at`, sql`${end}::timestamptz`, revision)
