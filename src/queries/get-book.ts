import { refuse } from '../domain/rejection.ts'
import { query } from './query.ts'
import { type BookResource, toBook } from './resources.ts'

export const getBook = query<object, BookResource>({
  name: 'book',
  tags: (bookId) => [`book:${bookId}`],
  isOneStatement: () => true,
  run: async ({ db, bookId }) => {
    const row = await db.selectFrom('book').selectAll().where('id', '=', bookId).executeTakeFirst()
    return { data: toBook(row ?? refuse('book_not_found')), meta: {} }
  },
})
