import Type from 'typebox'
import { refuse } from '../../domain/rejection.ts'
import { isId } from '../../queries/find-account.ts'
import { pageParameters } from '../../queries/page.ts'
import { OperationResource } from '../../queries/projections.ts'
import type { Dependencies } from '../dependencies.ts'
import { onlyAdmin } from '../only-admin.ts'
import { operationEvents } from '../operation-events.ts'
import { type Route, route } from '../route.ts'

const tag = 'operations'
const OperationPath = Type.Object({
  operation: Type.String({ maxLength: 200, description: 'Id of the operation' }),
})

const idOf = (operation: string): string =>
  isId(operation) ? operation.toLowerCase() : refuse('operation_not_found')

const changes = {
  pause: 'Pause a build: whoever works at it lets go of it',
  resume: 'Go on with a paused build',
  cancel: 'Give up a build that is not live, and drop it',
  drop: 'Drop a build that was live, as soon as no reader can be left',
} as const

/** What takes long, its progress, and how to stop it. */
export const operationRoutes = ({ administration: { operations } }: Dependencies): Route[] => [
  route({
    method: 'get',
    address: '/v1/operations',
    summary: 'List operations, the newest first (administrators only)',
    tag,
    schemas: { query: Type.Object(pageParameters, { additionalProperties: false }) },
    answers: { 200: Type.Array(OperationResource) },
    refusals: ['forbidden', 'invalid_cursor'],
    handle: ({ query, principal }) => {
      onlyAdmin(principal)
      return operations.list(query)
    },
  }),
  route({
    method: 'get',
    address: '/v1/operations/{operation}',
    summary: 'Get an operation with its progress (administrators only)',
    tag,
    schemas: { path: OperationPath },
    answers: { 200: OperationResource },
    refusals: ['forbidden', 'operation_not_found'],
    handle: async ({ path, principal }) => {
      onlyAdmin(principal)
      return { data: await operations.find(idOf(path.operation)) }
    },
  }),
  route({
    method: 'get',
    address: '/v1/operations/{operation}/events',
    summary: 'Follow an operation as server-sent events (administrators only)',
    description:
      'text/event-stream: an event `operation` with its whole state, at once and at each change, ' +
      'until it ends. With Last-Event-ID a state that was seen is not told again.',
    tag,
    isStream: true,
    schemas: { path: OperationPath },
    answers: { 200: OperationResource },
    refusals: ['forbidden', 'operation_not_found'],
    handle: async ({ path, principal, lastEventId }) => {
      onlyAdmin(principal)
      const id = idOf(path.operation)
      await operations.find(id)
      return { stream: operationEvents(() => operations.find(id), lastEventId ?? '') }
    },
  }),
  ...(Object.keys(changes) as (keyof typeof changes)[]).map((change) =>
    route({
      method: 'post',
      address: `/v1/operations/{operation}/${change}`,
      summary: `${changes[change]} (administrators only)`,
      tag,
      schemas: { path: OperationPath },
      answers: { 200: OperationResource },
      refusals: ['forbidden', 'operation_not_found', 'operation_not_possible'],
      handle: async ({ path, principal }) => {
        onlyAdmin(principal)
        return { data: await operations.change(idOf(path.operation), change) }
      },
    }),
  ),
]
