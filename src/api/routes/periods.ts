import Type from 'typebox'
import { ClosePeriod, closePeriod } from '../../commands/close-period.ts'
import { ReopenPeriod, reopenPeriod } from '../../commands/reopen-period.ts'
import { pageParameters } from '../../queries/page.ts'
import {
  ClosingAnswer,
  listPeriods,
  PeriodResource,
  ReopeningAnswer,
} from '../../queries/periods.ts'
import { closingAnswer, headersOf, reopeningAnswer } from '../answers.ts'
import type { Dependencies } from '../dependencies.ts'
import { BookPath, bookIdOf } from '../parameters.ts'
import { read } from '../read.ts'
import { type Route, route } from '../route.ts'

const tag = 'periods'

export const periodRoutes = (dependencies: Dependencies): Route[] => [
  route({
    method: 'get',
    address: '/v1/books/{book}/periods',
    summary: 'List the periods that were closed, the last one first',
    tag,
    schemas: {
      path: BookPath,
      query: Type.Object(pageParameters, { additionalProperties: false }),
    },
    answers: { 200: Type.Array(PeriodResource) },
    refusals: ['book_not_found', 'invalid_cursor'],
    handle: (call) => read(dependencies, call, listPeriods, call.query),
  }),
  route({
    method: 'post',
    address: '/v1/books/{book}/periods/close',
    summary: 'Close all days up to one (owners only)',
    description:
      'Nothing is recorded as of a closed day any more: it is refused, or moved to the first open ' +
      'day with `on_closed_period`.',
    tag,
    schemas: { path: BookPath, body: ClosePeriod },
    answers: { 201: ClosingAnswer },
    refusals: [
      'book_not_found',
      'forbidden',
      'period_closed',
      'period_not_over',
      'idempotency_key_reused',
    ],
    handle: async ({ path, body, execute }) => {
      const bookId = bookIdOf(path.book)
      const done = await execute(closePeriod, bookId, body)
      return { status: 201, headers: headersOf(done), data: closingAnswer(done, bookId) }
    },
  }),
  route({
    method: 'post',
    address: '/v1/books/{book}/periods/reopen',
    summary: 'Reopen the days after one, or all (owners only)',
    description: 'Takes back the latest closings. What they closed and showed stays in the list.',
    tag,
    schemas: { path: BookPath, body: ReopenPeriod },
    answers: { 200: ReopeningAnswer },
    refusals: ['book_not_found', 'forbidden', 'period_not_closed', 'idempotency_key_reused'],
    handle: async ({ path, body, execute }) => {
      const bookId = bookIdOf(path.book)
      const done = await execute(reopenPeriod, bookId, body)
      return { headers: headersOf(done), data: reopeningAnswer(done, bookId) }
    },
  }),
]
