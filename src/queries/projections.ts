import Type, { type Static } from 'typebox'
import { Instant } from '../domain/instant.ts'

const Id = Type.String({ format: 'uuid' })
const orNull = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T) =>
  Type.Union([schema, Type.Null()])

/** What takes long: a build of a projection, from its plan to its end. */
export const OperationResource = Type.Object({
  id: Id,
  kind: Type.String({ description: 'first, rebuild or diff' }),
  projection: Type.String(),
  version: Type.Integer(),
  schema: Type.String({ description: 'Where the build is in Postgres' }),
  stage: Type.String({
    description:
      'copying, folding, indexing, constraining, catching_up, verifying, then live; ' +
      'retired, returning, dropped; or an end: done, failed, cancelled',
  }),
  state: Type.String({ description: 'running, paused, done, failed or cancelled' }),
  books: orNull(Type.Array(Id)),
  progress: Type.Object({
    events_done: Type.Integer(),
    events_total: orNull(Type.Integer({ description: 'null as long as it is not planned' })),
    rate: orNull(Type.Number({ description: 'Events a second' })),
    seconds_left: orNull(Type.Integer({ description: 'Of folding; null where none is known' })),
  }),
  error: orNull(Type.String()),
  report: orNull(Type.Object({}, { description: 'What the verification looked at and found' })),
  requested_by: orNull(Type.String()),
  created_at: Instant,
  updated_at: Instant,
  ended_at: orNull(Instant),
  drop_at: orNull(Instant),
})
export type OperationResource = Static<typeof OperationResource>

export const ProjectionResource = Type.Object({
  name: Type.String(),
  version: Type.Integer(),
  is_unskippable: Type.Boolean(),
  operation: orNull(Id),
  schema: orNull(Type.String({ description: 'The build that queries read' })),
  since: orNull(Instant),
  position: orNull(Type.String({ description: 'Of the log: every book is folded up to here' })),
  books: Type.Integer(),
  events: Type.Integer({ description: 'Folded so far' }),
  behind: orNull(Type.Integer({ description: 'Books that the last sweep found behind' })),
  lag: orNull(
    Type.Integer({
      description: 'Events of the book furthest behind now; null while the event store is away',
    }),
  ),
  lag_seconds: orNull(
    Type.Number({ description: 'Since the oldest event that is not folded yet was recorded' }),
  ),
  rate: orNull(Type.Number({ description: 'Events a second at the last sweep' })),
  swept_at: orNull(Instant),
  halted: Type.Integer({ description: 'Books that stand still at an event: see failures' }),
})
export type ProjectionResource = Static<typeof ProjectionResource>

export const ProjectedBook = Type.Object({
  book_id: Id,
  revision: Type.Integer({ description: 'Folded up to here' }),
  head: Type.Integer({ description: 'The last one in the event store' }),
  lag: Type.Integer({
    description:
      'Events between. Below zero: the event store is an older copy than what was folded',
  }),
  is_halted: Type.Boolean({ description: 'It stands still: see its failure' }),
  rate: orNull(
    Type.Number({ description: 'Events a second, between the last two sweeps; 0 at rest' }),
  ),
  position: Type.String(),
  recorded_at: Instant,
})
export type ProjectedBook = Static<typeof ProjectedBook>

export const FailureResource = Type.Object({
  book_id: Id,
  revision: Type.Integer(),
  event_id: orNull(Type.String()),
  error: Type.String(),
  stack: orNull(Type.String()),
  is_skippable: Type.Boolean(),
  attempts: Type.Integer(),
  failed_at: Instant,
})
export type FailureResource = Static<typeof FailureResource>

export const SkipResource = Type.Object({
  book_id: Id,
  revision: Type.Integer(),
  event_id: orNull(Type.String()),
  error: Type.String({ description: 'For which the book stood still' }),
  reason: Type.String({ description: 'As it was given' }),
  skipped_by: Type.String({ description: 'Id of the administrator' }),
  skipped_at: Instant,
})
export type SkipResource = Static<typeof SkipResource>
