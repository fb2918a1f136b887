import type { Kysely } from 'kysely'
import { countUpTo, isAfter, type PageParameters, paged, paging, type Sign } from './page.ts'
import type { Envelope, ReadModel } from './query.ts'
import { type BookResource, toBook } from './resources.ts'

/** All books, or those that a user is a member of, the oldest first. It spans books, so no revision belongs to it and nothing is cached. */
export const listBooks = async (
  db: Kysely<ReadModel>,
  sign: Sign,
  parameters: PageParameters & { name?: string },
  member: string | null,
): Promise<Envelope<BookResource[]>> => {
  const { name } = parameters
  const pages = paging(parameters, { list: 'books', name: name ?? null, member }, sign)
  let filtered = db.selectFrom('book').where('deleted_at', 'is', null)
  if (name !== undefined) filtered = filtered.where('name', '=', name)
  if (member !== null) {
    filtered = filtered.where(({ exists, selectFrom }) =>
      exists(
        selectFrom('member')
          .select('member.id')
          .whereRef('member.book_id', '=', 'book.id')
          .where('member.user_id', '=', member)
          .where('member.deleted_at', 'is', null),
      ),
    )
  }
  let list = filtered.selectAll().orderBy('created_at').orderBy('id').offset(pages.offset)
  if (pages.after) {
    const order = [
      { column: 'created_at', type: 'timestamptz' },
      { column: 'id', type: 'uuid' },
    ] as const
    list = list.where(isAfter(order, pages.after, false))
  }
  const found = await list.limit(pages.limit + 1).execute()
  const counted = filtered.select('id').orderBy('created_at').orderBy('id')
  const total = await countUpTo(db, counted)
  const { rows, meta } = paged(found, pages, total, ({ created_at, id }) => [created_at, id])
  return { data: rows.map(toBook), meta }
}
