import Type from 'typebox'
import { openBook } from '../../commands/open-book.ts'
import { derivedId } from '../../domain/ids.ts'
import { getBook } from '../../queries/get-book.ts'
import { listBooks } from '../../queries/list-books.ts'
import { pageParameters } from '../../queries/page.ts'
import { BookResource } from '../../queries/resources.ts'
import { bookAnswer, headersOf } from '../answers.ts'
import type { Dependencies } from '../dependencies.ts'
import { newId } from '../ids.ts'
import { BookPath } from '../parameters.ts'
import { read } from '../read.ts'
import { type Route, route } from '../route.ts'

const ListBooks = Type.Object(
  { ...pageParameters, name: Type.Optional(Type.String({ maxLength: 200 })) },
  { additionalProperties: false },
)

export const bookRoutes = (dependencies: Dependencies): Route[] => [
  route({
    method: 'get',
    address: '/v1/books',
    summary: 'List books',
    tag: 'books',
    schemas: { query: ListBooks },
    answers: { 200: Type.Array(BookResource) },
    refusals: ['invalid_cursor'],
    handle: ({ query, principal }) =>
      dependencies.across((db, sign) =>
        listBooks(db, sign, query, principal.role === 'admin' ? null : principal.id),
      ),
  }),
  route({
    method: 'post',
    address: '/v1/books',
    summary: 'Open a book',
    tag: 'books',
    schemas: { body: openBook.data },
    answers: { 201: BookResource },
    refusals: ['idempotency_key_reused'],
    handle: async ({ body, principal, idempotencyKey, execute }) => {
      const id = idempotencyKey === null ? newId() : derivedId('book', principal.id, idempotencyKey)
      const done = await execute(openBook, id, body)
      const headers = { ...headersOf(done), Location: `/v1/books/${id}` }
      return { status: 201, headers, data: bookAnswer(done) }
    },
  }),
  route({
    method: 'get',
    address: '/v1/books/{book}',
    summary: 'Get a book',
    tag: 'books',
    schemas: { path: BookPath },
    answers: { 200: BookResource },
    refusals: ['book_not_found'],
    handle: (call) => read(dependencies, call, getBook, {}),
  }),
]
