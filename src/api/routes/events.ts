import Type from 'typebox'
import { refuse } from '../../domain/rejection.ts'
import { pageParameters } from '../../queries/page.ts'
import type { Dependencies } from '../dependencies.ts'
import { EventResource, historyPage } from '../history.ts'
import { BookPath, bookIdOf } from '../parameters.ts'
import { checkReader } from '../read.ts'
import { type Route, route } from '../route.ts'

const ListEvents = Type.Object(
  {
    limit: pageParameters.limit,
    cursor: Type.Optional(
      Type.String({
        pattern: '^\\d{1,15}$',
        description: 'The revision of the first event; meta.nextCursor is that of the next page',
      }),
    ),
  },
  { additionalProperties: false },
)

export const eventRoutes = (dependencies: Dependencies): Route[] => [
  route({
    method: 'get',
    address: '/v1/books/{book}/events',
    summary: 'List the events of a book, the first one first',
    description:
      'All that ever happened in the book, from the event store itself; everything else that is ' +
      'shown follows from it. A page ends early where its events are large.',
    tag: 'events',
    schemas: { path: BookPath, query: ListEvents },
    answers: { 200: Type.Array(EventResource) },
    refusals: ['book_not_found'],
    handle: async (call) => {
      const { limit = 50, cursor = '0' } = call.query
      const bookId = bookIdOf(call.path.book)
      await checkReader(dependencies, call)
      const { revision: last } = await dependencies.history.head(bookId)
      if (last < 0) refuse('book_not_found')
      if (last < (call.minRevision ?? 0)) refuse('not_yet_visible')
      const { events, next } = await historyPage(
        dependencies.history,
        bookId,
        Number(cursor),
        Math.min(limit, last + 1 - Number(cursor)),
      )
      const total = last + 1
      const nextCursor = next > last ? null : String(next)
      const meta = { limit, total, totalPages: null, nextCursor }
      return { headers: { 'Daybook-Revision': String(last) }, data: events, meta }
    },
  }),
]
