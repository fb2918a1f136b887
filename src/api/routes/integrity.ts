import Type from 'typebox'
import { beforeFirst, type Followed } from '../../domain/follow-chain.ts'
import { refuse } from '../../domain/rejection.ts'
import type { Dependencies } from '../dependencies.ts'
import { followChain } from '../integrity.ts'
import { BookPath, bookIdOf } from '../parameters.ts'
import { checkReader } from '../read.ts'
import { type Route, route } from '../route.ts'

const Hash = Type.String({ description: 'SHA-256, in hexadecimal' })

const Integrity = Type.Object({
  book_id: Type.String({ format: 'uuid' }),
  status: Type.Union([Type.Literal('whole'), Type.Literal('broken'), Type.Literal('unfinished')], {
    description: 'unfinished: all is well so far; meta.nextCursor goes on from there',
  }),
  checked: Type.Object(
    { events: Type.Integer(), transactions: Type.Integer() },
    { description: 'Since the cursor, or the first event' },
  ),
  through: Type.Object(
    { revision: Type.Integer(), hash: Hash },
    { description: 'The last event that is well, and all before it; -1 if there is none' },
  ),
  head_revision: Type.Integer({ description: 'Of the last event of the book' }),
  broken: Type.Union([
    Type.Null(),
    Type.Object({
      revision: Type.Integer(),
      event_id: Type.String(),
      why: Type.String({
        description:
          'order: it stands at the wrong place or time; predecessor: it follows another event; ' +
          'hash: its content is not what was hashed; unreadable: its type is not known',
      }),
      message: Type.String(),
    }),
  ]),
})

/** More than there is time for. */
const maxEvents = 1_000_000

const Query = Type.Object(
  {
    limit: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: maxEvents,
        description: 'Events to check at most (as many as time allows)',
      }),
    ),
    cursor: Type.Optional(
      Type.String({ description: 'meta.nextCursor of the answer before', maxLength: 200 }),
    ),
  },
  { additionalProperties: false },
)

/** What the answer before has found, which is for the asker to believe: nothing is kept here. */
const cursorOf = ({ revision, hash, recordedAt }: Followed): string =>
  `${revision}.${recordedAt}.${hash}`

const parseCursor = (text: string): Followed => {
  const [, revision, recordedAt, hash] = /^(\d{1,15})\.(\d{1,15})\.([0-9a-f]{64})$/.exec(text) ?? []
  if (!hash) return refuse('invalid_cursor')
  return { revision: Number(revision), recordedAt: Number(recordedAt), hash }
}

/** A whole chain keeps a core busy: so many at once. */
const maxAtOnce = 2

export const integrityRoutes = (dependencies: Dependencies): Route[] => {
  let running = 0
  return [
    route({
      method: 'get',
      address: '/v1/books/{book}/integrity',
      summary: 'Check the hash chain of a book',
      description:
        'Computes the hash of every event anew, from the event store itself, and names the first ' +
        'event that does not fit. An answer covers what can be checked in some seconds; ' +
        'meta.nextCursor goes on from there. A chain that was cut off at its end is whole as far ' +
        'as it goes: compare the revision and hash of its last event with those of before.',
      tag: 'events',
      schemas: { path: BookPath, query: Query },
      answers: { 200: Integrity },
      refusals: ['book_not_found', 'invalid_cursor'],
      handle: async (call) => {
        const bookId = bookIdOf(call.path.book)
        const { cursor, limit = maxEvents } = call.query
        const start = cursor === undefined ? beforeFirst(bookId) : parseCursor(cursor)
        await checkReader(dependencies, call)
        const { revision: last } = await dependencies.history.head(bookId)
        if (last < 0) refuse('book_not_found')
        if (last < (call.minRevision ?? 0)) refuse('not_yet_visible')
        if (running >= maxAtOnce) refuse('overloaded', 'Two books are being checked. Try again.')
        running++
        const end = Math.min(last, start.revision + limit)
        const found = await followChain(dependencies.history, bookId, start, end).finally(() => {
          running--
        })
        const { through, broken, events, transactions } = found
        const isOver = through.revision >= last
        const { revision, hash } = through
        const data = {
          book_id: bookId,
          status: broken ? 'broken' : isOver ? 'whole' : 'unfinished',
          checked: { events, transactions },
          through: { revision, hash },
          head_revision: last,
          broken: broken && {
            revision: broken.event.revision,
            event_id: broken.event.id,
            why: broken.why,
            message: broken.message,
          },
        }
        const nextCursor = broken || isOver ? null : cursorOf(through)
        const headers = { 'Daybook-Revision': String(last) }
        const meta = { limit, total: last + 1, totalPages: null, nextCursor }
        return { headers, data, meta }
      },
    }),
  ]
}
