import { sql } from 'kysely'
import type { Reading } from './query.ts'

/**
 * The revision from which on transactions of the book were recorded at `instant` or later. These
 * times never fall from one revision to the next, so it is found by halving: some twenty look-ups in
 * the index of revisions. An index of times would cost every transaction one more.
 */
export const revisionAt = async (
  { db, bookId, revision }: Reading,
  instant: string,
): Promise<number> => {
  const { rows } = await sql<{ low: number }>`
    with recursive search (low, high) as (
      select 0::int8, ${revision + 1}::int8
      union all
      select case when found.created_at < ${instant} then found.revision + 1 else low end,
        case when found.created_at < ${instant} then high else (low + high) / 2 end
      from search left join lateral (
        select revision, created_at from transaction
        where book_id = ${bookId} and revision >= (low + high) / 2
        order by revision, index limit 1
      ) as found on true
      where low < high
    )
    select low from search where low = high`.execute(db)
  const [found] = rows
  if (!found) throw new Error('the search for a revision did not end')
  return found.low
}
