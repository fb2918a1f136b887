import Type from 'typebox'
import { refuse } from '../../domain/rejection.ts'
import { isId } from '../../queries/find-account.ts'
import { pageParameters } from '../../queries/page.ts'
import {
  FailureResource,
  OperationResource,
  ProjectedBook,
  ProjectionResource,
  SkipResource,
} from '../../queries/projections.ts'
import type { Dependencies } from '../dependencies.ts'
import { onlyAdmin } from '../only-admin.ts'
import { type Reply, type Route, route } from '../route.ts'

const tag = 'projections'
const ProjectionPath = Type.Object({
  projection: Type.String({ maxLength: 200, description: 'Name of the projection' }),
})
const FailurePath = Type.Object({
  ...ProjectionPath.properties,
  book: Type.String({ maxLength: 200, description: 'Id of the book that stands still' }),
})
const Pages = Type.Object(pageParameters, { additionalProperties: false })

const dayOfSeconds = 86_400
const RebuildRequest = Type.Object(
  {
    kind: Type.Optional(
      Type.Union([Type.Literal('rebuild'), Type.Literal('diff')], {
        description: 'diff: builds and compares as a rebuild does, and does not go live',
      }),
    ),
    books: Type.Optional(
      Type.Array(Type.String({ format: 'uuid' }), {
        minItems: 1,
        maxItems: 1000,
        description:
          'Folds only these from their events and copies what the live build has of all others',
      }),
    ),
    may_differ: Type.Optional(
      Type.Boolean({
        description: 'Goes live though the live build of the same version has other rows',
      }),
    ),
    keep_seconds: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 7 * dayOfSeconds,
        description: 'How long the build that was live is kept up to date for a rollback (900)',
      }),
    ),
  },
  { additionalProperties: false },
)
const keptSeconds = 900

const SkipRequest = Type.Object(
  {
    reason: Type.String({ minLength: 1, maxLength: 1000, description: 'Kept, with who and when' }),
  },
  { additionalProperties: false },
)

const accepted = (operation: OperationResource): Reply => ({
  status: 202,
  headers: { Location: `/v1/operations/${operation.id}` },
  data: operation,
})

const bookOf = (book: string): string =>
  isId(book) ? book.toLowerCase() : refuse('failure_not_found')

/** The whole of a build: how far projections are, what halts them, and building them anew. */
export const projectionRoutes = ({ administration }: Dependencies): Route[] => [
  route({
    method: 'get',
    address: '/v1/projections',
    summary: 'List projections with how far they are (administrators only)',
    tag,
    schemas: {},
    answers: { 200: Type.Array(ProjectionResource) },
    refusals: ['forbidden'],
    handle: async ({ principal }) => {
      onlyAdmin(principal)
      return { data: await administration.list() }
    },
  }),
  route({
    method: 'get',
    address: '/v1/projections/{projection}/books',
    summary: 'List how far each book is folded (administrators only)',
    tag,
    schemas: { path: ProjectionPath, query: Pages },
    answers: { 200: Type.Array(ProjectedBook) },
    refusals: ['forbidden', 'projection_not_found', 'operation_not_possible', 'invalid_cursor'],
    handle: ({ path, query, principal }) => {
      onlyAdmin(principal)
      return administration.books(path.projection, query)
    },
  }),
  route({
    method: 'get',
    address: '/v1/projections/{projection}/failures',
    summary: 'List books that stand still at an event that cannot be folded (administrators only)',
    tag,
    schemas: { path: ProjectionPath, query: Pages },
    answers: { 200: Type.Array(FailureResource) },
    refusals: ['forbidden', 'projection_not_found', 'operation_not_possible', 'invalid_cursor'],
    handle: ({ path, query, principal }) => {
      onlyAdmin(principal)
      return administration.failures(path.projection, query)
    },
  }),
  route({
    method: 'get',
    address: '/v1/projections/{projection}/skips',
    summary: 'List events that were left out for good, by whom and why (administrators only)',
    tag,
    schemas: { path: ProjectionPath, query: Pages },
    answers: { 200: Type.Array(SkipResource) },
    refusals: ['forbidden', 'projection_not_found', 'invalid_cursor'],
    handle: ({ path, query, principal }) => {
      onlyAdmin(principal)
      return administration.skips(path.projection, query)
    },
  }),
  route({
    method: 'post',
    address: '/v1/projections/{projection}/rebuild',
    summary: 'Build a projection anew from the events (administrators only)',
    description:
      'Queries read the live build meanwhile. The new one goes live once it is verified.',
    tag,
    schemas: { path: ProjectionPath, body: RebuildRequest },
    answers: { 202: OperationResource },
    refusals: ['forbidden', 'projection_not_found', 'operation_not_possible', 'book_not_found'],
    handle: async ({ path, body, principal }) => {
      onlyAdmin(principal)
      const { kind = 'rebuild', books = null, may_differ: mayDiffer = false } = body
      const keepSeconds = body.keep_seconds ?? keptSeconds
      const rebuild = { kind, books, mayDiffer, keepSeconds }
      return accepted(await administration.rebuild(path.projection, rebuild, principal.id))
    },
  }),
  route({
    method: 'post',
    address: '/v1/projections/{projection}/rollback',
    summary: 'Go back to the build that was live before (administrators only)',
    tag,
    schemas: { path: ProjectionPath },
    answers: { 202: OperationResource },
    refusals: ['forbidden', 'projection_not_found', 'operation_not_possible'],
    handle: async ({ path, principal }) => {
      onlyAdmin(principal)
      return accepted(await administration.rollback(path.projection))
    },
  }),
  route({
    method: 'post',
    address: '/v1/projections/{projection}/failures/{book}/retry',
    summary: 'Try the event at which a book stands still again, now (administrators only)',
    tag,
    schemas: { path: FailurePath },
    answers: { 204: Type.Null() },
    refusals: ['forbidden', 'projection_not_found', 'operation_not_possible', 'failure_not_found'],
    handle: async ({ path, principal }) => {
      onlyAdmin(principal)
      await administration.retry(path.projection, bookOf(path.book))
      return { status: 204, data: null }
    },
  }),
  route({
    method: 'post',
    address: '/v1/projections/{projection}/failures/{book}/skip',
    summary: 'Leave the event at which a book stands still out for good (administrators only)',
    description: 'Who did so, when and why is kept. Builds to come leave it out too.',
    tag,
    schemas: { path: FailurePath, body: SkipRequest },
    answers: { 204: Type.Null() },
    refusals: [
      'forbidden',
      'projection_not_found',
      'operation_not_possible',
      'failure_not_found',
      'failure_not_skippable',
    ],
    handle: async ({ path, body, principal }) => {
      onlyAdmin(principal)
      await administration.skip(path.projection, bookOf(path.book), body.reason, principal.id)
      return { status: 204, data: null }
    },
  }),
]
