import Type, { type Static } from 'typebox'
import { Instant } from '../domain/instant.ts'
import { MemberRole } from '../domain/member.ts'
import { memberTag } from '../projections/ledger/ledger.ts'
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

export const MemberResource = Type.Object({
  user_id: Type.String({ format: 'uuid' }),
  role: MemberRole,
  created_at: Instant,
  updated_at: Instant,
})
type MemberResource = Static<typeof MemberResource>

/** What a write answers: only what its event says. */
export const MemberAnswer = Type.Omit(MemberResource, ['created_at'])
export type MemberAnswer = Static<typeof MemberAnswer>

/** The role of a user in a book; null for one who has none, or where there is no such book. */
export const getRole = query<{ user: string }, { role: MemberRole | null }>({
  name: 'role',
  tags: (bookId, { user }) => [memberTag(bookId, user)],
  isOneStatement: () => true,

  run: async ({ db, bookId }, { user }) => {
    const row = await db
      .selectFrom('member')
      .select('role')
      .where('user_id', '=', user)
      .where('book_id', '=', bookId)
      .where('deleted_at', 'is', null)
      .executeTakeFirst()
    return { data: { role: (row?.role as MemberRole | undefined) ?? null }, meta: {} }
  },
})

const order: readonly OrderColumn<'created_at' | 'id'>[] = [
  { column: 'created_at', type: 'timestamptz' },
  { column: 'id', type: 'uuid' },
]

export const listMembers = query<PageParameters, MemberResource[]>({
  name: 'members',
  tags: (bookId) => [`book:${bookId}`],

  run: async (reading, parameters) => {
    bookOf(reading)
    const { db, bookId } = reading
    const pages = paging(parameters, { list: 'members', bookId }, reading.sign)
    const filtered = db
      .selectFrom('member')
      .where('book_id', '=', bookId)
      .where('deleted_at', 'is', null)
    let list = onPage(filtered, pages).selectAll()
    for (const { column } of order) list = list.orderBy(column)
    if (pages.after) list = list.where(isAfter(order, pages.after, false))
    const found = await list.execute()
    const total = await countUpTo(db, filtered.select('id'))
    const { rows, meta } = paged(found, pages, total, ({ created_at, id }) => [created_at, id])
    const data = rows.map(({ user_id, role, created_at, updated_at }) => ({
      user_id,
      role: role as MemberRole,
      created_at,
      updated_at,
    }))
    return { data, meta }
  },
})
