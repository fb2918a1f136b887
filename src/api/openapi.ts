import Type, { type TSchema } from 'typebox'
import { Metadata } from '../domain/metadata.ts'
import { type RejectionCode, rejections } from '../domain/rejection.ts'
import { takesMetadata } from '../queries/filters.ts'
import { Page } from '../queries/page.ts'
import { Refusal } from './refusal.ts'
import { CommandQuery, makesCommand, type Route } from './route.ts'
import { statuses } from './statuses.ts'

const Failure = Type.Object({ error: Refusal })

const always: readonly RejectionCode[] = [
  'invalid_request',
  'route_not_found',
  'not_acceptable',
  'store_unavailable',
]
const ofAuthenticated: readonly RejectionCode[] = [
  'unauthenticated',
  'token_expired',
  'rate_limited',
]
const ofQuery: readonly RejectionCode[] = ['unknown_parameter']
const ofBody: readonly RejectionCode[] = ['malformed_json', 'too_large', 'unsupported_media_type']
const ofWrite: readonly RejectionCode[] = [
  'idempotency_key_invalid',
  'overloaded',
  'write_contention',
  'outcome_unknown',
]
const ofConditional: readonly RejectionCode[] = ['version_mismatch']
const ofRead: readonly RejectionCode[] = ['not_yet_visible']

/** Whether it reads one book, whose revision it shows. */
const showsRevision = ({ method, address }: Route): boolean =>
  method === 'get' && address.includes('{book}')

const refusalsOf = (route: Route): RejectionCode[] => [
  ...new Set([
    ...always,
    ...ofQuery,
    ...(route.isPublic ? [] : ofAuthenticated),
    ...(route.schemas.body ? ofBody : []),
    ...(showsRevision(route) ? ofRead : []),
    ...(makesCommand(route) ? ofWrite : []),
    ...(route.isConditional ? ofConditional : []),
    ...(route.refusals ?? []),
  ]),
]

const parameter = (name: string, place: 'path' | 'query' | 'header', schema: TSchema) => {
  const { description } = schema as { description?: string }
  const required = place === 'path'
  return { name, in: place, required, ...(description && { description }), schema }
}

const revision = Type.String({
  pattern: '^\\d{1,15}$',
  description: 'Waits up to 2 s until the answer shows this revision, else 503 not_yet_visible',
})
const key = Type.String({
  maxLength: 255,
  description: 'Makes a retry safe: same key and body, same answer, for ever',
})

const ifMatch = Type.String({
  maxLength: 1000,
  description: 'ETag of the version that is meant: another is refused with 412 version_mismatch',
})

const ifNoneMatch = Type.String({
  maxLength: 1000,
  description: 'ETag of the answer that is known: the same is answered with 304, without its body',
})

/** `metadata[key]=value`, any number of times. */
const metadata = {
  name: 'metadata',
  in: 'query',
  style: 'deepObject',
  explode: true,
  required: false,
  description: 'Those that have these metadata',
  schema: Metadata,
}

const queryOf = (route: Route) => (makesCommand(route) ? CommandQuery : route.schemas.query)

const parametersOf = (route: Route) => [
  ...Object.entries(route.schemas.path?.properties ?? {}).map(([name, s]) =>
    parameter(name, 'path', s),
  ),
  ...Object.entries(queryOf(route)?.properties ?? {}).map(([name, s]) =>
    parameter(name, 'query', s),
  ),
  ...(route.schemas.query && takesMetadata(route.schemas.query) ? [metadata] : []),
  ...(showsRevision(route) ? [parameter('Daybook-Min-Revision', 'header', revision)] : []),
  ...(makesCommand(route) ? [parameter('Idempotency-Key', 'header', key)] : []),
  ...(route.method === 'get' ? [parameter('If-None-Match', 'header', ifNoneMatch)] : []),
  ...(route.isConditional ? [parameter('If-Match', 'header', ifMatch)] : []),
]

/** A list is what takes a cursor. */
const envelope = (data: TSchema, { schemas }: Route): TSchema =>
  Type.Object({
    data,
    meta: schemas.query?.properties['cursor'] ? Page : Type.Object({}),
    errors: Type.Array(Type.Object({})),
  })

const content = (schema: TSchema) => ({ 'application/json': { schema } })

const answersOf = (route: Route) => {
  const answers: Record<string, object> = {}
  for (const [status, data] of Object.entries(route.answers)) {
    const hasBody = status !== '204'
    answers[status] = {
      description: route.summary,
      ...(hasBody && {
        content: route.isStream
          ? { 'text/event-stream': { schema: data } }
          : content(envelope(data, route)),
      }),
    }
  }
  if (route.method === 'get') answers['304'] = { description: 'As it is known already' }
  const byStatus = new Map<number, RejectionCode[]>()
  for (const code of refusalsOf(route)) {
    byStatus.set(statuses[code], [...(byStatus.get(statuses[code]) ?? []), code])
  }
  for (const [status, codes] of byStatus) {
    const description = codes.map((code) => `\`${code}\`: ${rejections[code]}`).join('\n\n')
    answers[status] = { description, content: content(Type.Ref('#/components/schemas/Failure')) }
  }
  return answers
}

/** OpenAPI 3.1 of the routes as they are mounted. */
export const toOpenApi = (routes: readonly Route[], version: string): object => {
  const paths: Record<string, Record<string, object>> = {}
  for (const route of routes) {
    const { method, address, summary, description, tag, isPublic, schemas } = route
    const operation = {
      operationId: `${method}${address.replaceAll(/[^A-Za-z]+(.)?/g, (_, c = '') => c.toUpperCase())}`,
      summary,
      ...(description && { description }),
      tags: [tag],
      security: isPublic ? [] : [{ bearer: [] }],
      parameters: parametersOf(route),
      ...(schemas.body && { requestBody: { required: true, content: content(schemas.body) } }),
      responses: answersOf(route),
    }
    paths[address] = { ...paths[address], [method]: operation }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Daybook',
      version,
      description: 'An event-sourced double-entry ledger. Amounts are strings in minor units.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    components: {
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } },
      schemas: { Failure },
    },
    paths,
  }
}
