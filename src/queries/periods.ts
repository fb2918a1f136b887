import Type, { type Static } from 'typebox'
import { Instant } from '../domain/instant.ts'
import { bookOf } from './find-account.ts'
import {
  countUpTo,
  isAfter,
  type OrderColumn,
  onPage,
  type PageParameters,
  paged,
  paging,
} from './page.ts'
import { query } from './query.ts'

const Id = Type.String({ format: 'uuid' })
const LastDay = Type.String({ format: 'date' })

const closing = {
  id: Id,
  book_id: Id,
  from: Type.Union([LastDay, Type.Null()], {
    description: 'Its first day; null: everything before its end',
  }),
  through: Type.Intersect([LastDay], { description: 'Its last day, of the book’s time zone' }),
  shown_revision: Type.Integer({ description: 'The revision whose trial balance is hashed' }),
  trial_balance_hash: Type.String({
    description:
      'The `hash` of the trial balance at the end of `through`, as of `shown_revision`; as long as ' +
      'the period is closed it stays the same',
  }),
  closed_by: Type.Intersect([Id], { description: 'Id of a user' }),
  revision: Type.Integer({ description: 'Of the event that closed it' }),
  created_at: Type.Intersect([Instant], { description: 'When it was closed' }),
}

/** What closing a period answers: only what its event says. */
export const ClosingAnswer = Type.Object(closing)
export type ClosingAnswer = Static<typeof ClosingAnswer>

/** What reopening answers: only what its event says. */
export const ReopeningAnswer = Type.Object({
  book_id: Id,
  closed_through: Type.Union([LastDay, Type.Null()], {
    description: 'The last day that is closed now; null: none is',
  }),
  reopened: Type.Array(Id, { description: 'Ids of the periods, the latest first' }),
  reopened_by: Id,
  revision: Type.Integer(),
  created_at: Instant,
})
export type ReopeningAnswer = Static<typeof ReopeningAnswer>

export const PeriodResource = Type.Object({
  ...closing,
  status: Type.Union([Type.Literal('closed'), Type.Literal('reopened')]),
  reopened_by: Type.Union([Id, Type.Null()]),
  updated_at: Instant,
  deleted_at: Type.Union([Instant, Type.Null()], { description: 'When it was reopened' }),
})
export type PeriodResource = Static<typeof PeriodResource>

const order: readonly OrderColumn<'revision'>[] = [{ column: 'revision', type: 'int8' }]

/** All periods that were ever closed, the one that was closed last first. */
export const listPeriods = query<PageParameters, PeriodResource[]>({
  name: 'periods',
  tags: (bookId) => [`book:${bookId}`],

  run: async (reading, parameters) => {
    bookOf(reading)
    const { db, bookId } = reading
    const pages = paging(parameters, { list: 'periods', bookId }, reading.sign)
    const filtered = db.selectFrom('period').where('book_id', '=', bookId)
    let list = onPage(filtered, pages).selectAll().orderBy('revision', 'desc')
    if (pages.after) list = list.where(isAfter(order, pages.after, true))
    const found = await list.execute()
    const total = await countUpTo(db, filtered.select('id'))
    const { rows, meta } = paged(found, pages, total, ({ revision }) => [revision])
    const data = rows.map(
      (row): PeriodResource => ({
        ...row,
        status: row.deleted_at === null ? 'closed' : 'reopened',
      }),
    )
    return { data, meta }
  },
})
