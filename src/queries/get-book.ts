import { findBook } from './find-account.ts'
import { query } from './query.ts'
import { type BookResource, toBook } from './resources.ts'

export const getBook = query<object, BookResource>({
  name: 'book',
  tags: (bookId) => [`book:${bookId}`],
  run: async (reading) => ({ data: toBook(await findBook(reading)), meta: {} }),
})
