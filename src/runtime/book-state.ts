import type { BookFacts } from '../queries/query.ts'

/** What a snapshot says of itself and of a book. */
export type BookState = { readonly [Fact in keyof BookFacts]: BookFacts[Fact] | null } & {
  /** Id of the build that is live in it. */
  readonly live: number | null
  /** Up to which the book is folded; null where it is not there. */
  readonly revision: number | null
  /** What was folded is not in the log. */
  readonly is_lost: boolean
}

/** SQL of it. `live` is SQL of the live build; `book` the parameter that has the id of the book. */
export const bookState = (live: string, book: string): string => `
  select ${live} as live, checkpoint.revision, time_zone, account_count,
    transaction_count, failure.revision is not null as is_lost
  from (select ${book}::uuid as asked) as asked
  left join checkpoint on checkpoint.book_id = asked
  left join failure
    on failure.book_id = asked and failure.revision <= checkpoint.revision
  left join book on book.id = asked`

/**
 * A statement that also says in which state it found the book: its rows with a `state` that is null, and
 * after them one that has nothing but that. As a column of each row it would cost as much as all others.
 */
export const withState = (statement: string, state: string): string => `
  with asked_for as materialized (${statement})
  select asked_for.*, null::json as state from asked_for
  union all
  select asked_for.*, row_to_json(state) as state
  from (${state}) as state left join asked_for on false`

/** Takes the state out of the rows of such a statement: what is undefined is not in any JSON of them. */
export const takeState = (rows: Record<string, unknown>[]): BookState => {
  const state = rows.pop()?.['state']
  if (!state) throw new Error('the statement did not say in which state it found the book')
  // To delete it would take ten times as long.
  for (const row of rows) row['state'] = undefined
  return state as BookState
}
