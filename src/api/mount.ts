import type { Readable } from 'node:stream'
import type Router from '@koa/router'
import type { Context } from 'koa'
import type { TSchema } from 'typebox'
import type { Received } from '../commands/received.ts'
import { refuse } from '../domain/rejection.ts'
import type { Address, Addresses } from './addresses.ts'
import type { Dependencies } from './dependencies.ts'
import { executeAs } from './execute.ts'
import { readBody } from './read-body.ts'
import { notedOf, respond } from './respond.ts'
import {
  type Call,
  CommandQuery,
  makesCommand,
  type Principal,
  type Reply,
  type Route,
} from './route.ts'
import { parseStrictJson } from './strict-json.ts'
import { validator } from './validation.ts'
import { contentTag, isKnownTo, readIfMatch } from './versions.ts'

/** Puts a route under its address: authenticate, validate, handle, answer. */
export const mount = (
  router: Router,
  addresses: Addresses,
  dependencies: Dependencies,
  route: Route,
): void => {
  const { method, address, schemas, isPublic = false, isConditional = false } = route
  const toPath = schemas.path ? validator(schemas.path, 'path') : ignore
  const isCommand = makesCommand(route)
  const toQuery = queryReader(isCommand ? CommandQuery : schemas.query)
  const toBody = schemas.body ? validator(schemas.body, 'body') : ignore
  const routeName = `${method.toUpperCase()} ${address}`

  const begin = (ctx: Context): Principal => {
    notedOf(ctx).route = routeName
    const principal = isPublic ? nobody : authenticate(ctx, dependencies)
    if (!isPublic && !dependencies.admit(principal.id)) refuse('rate_limited')
    checkAccept(ctx, route.isStream ? 'text/event-stream' : 'application/json')
    return principal
  }

  const answer = async (ctx: Context, principal: Principal, { path, query }: Address) => {
    const isDryRun = isCommand && (query as CommandQuery).dry_run === 'true'
    if (isDryRun) ctx.set('Daybook-Dry-Run', 'true')
    const sent = schemas.body && (await readJson(ctx))
    const body = toBody(sent)
    const idempotencyKey = method === 'get' ? null : readKey(ctx)
    const correlationId = readVisible(ctx, 'x-correlation-id') ?? notedOf(ctx).requestId
    const minRevision = readMinRevision(ctx)
    const versions = isConditional ? readIfMatch(ctx.req.headers['if-match']) : null
    const execute: Call['execute'] = (command, bookId, data) => {
      const request = { path, body: sent ?? null, ...(versions && { versions }) }
      const trace = ({ command, commandId }: Received) => {
        const correlation_id = correlationId
        const facts = { command: command.name, command_id: commandId, book: bookId, correlation_id }
        notedOf(ctx).traced = facts
      }
      const asked = { principal, correlationId, idempotencyKey, route: routeName, isDryRun }
      const origin = { request, bytes: notedOf(ctx).bytes, trace, ...asked }
      return executeAs(dependencies, origin, command, bookId, data)
    }
    const lastEventId = readVisible(ctx, 'last-event-id')
    const heeded = { principal, minRevision, lastEventId, versions, idempotencyKey }
    const reply = await route.handle({ path, query, body, execute, ...heeded } as Call)
    send(ctx, isDryRun ? withoutPlace(reply) : reply)
  }

  const serve = (ctx: Context, known: Address): Promise<void> => answer(ctx, begin(ctx), known)

  router[method](address.replaceAll(/\{(\w+)\}/g, ':$1'), async (ctx: Context) => {
    const principal = begin(ctx)
    const found = { path: toPath(ctx['params']), query: toQuery(ctx.querystring) }
    addresses.remember(ctx, found, serve)
    await answer(ctx, principal, found)
  })
}

/** What was only tried stands nowhere, and has no version. */
const withoutPlace = (reply: Reply): Reply => {
  const { Location: _, ETag: __, ...headers } = reply.headers ?? {}
  return { ...reply, headers }
}

const nobody: Principal = { id: '', role: 'nobody' }
const ignore = (): undefined => undefined

const bearer = /^Bearer ([\w.~+/=-]+)$/i

const authenticate = ({ req }: Context, { tokens }: Dependencies): Principal => {
  const [, token] = bearer.exec(req.headers.authorization ?? '') ?? []
  return token ? tokens.verify(token) : refuse('unauthenticated')
}

const checkAccept = (ctx: Context, type: string): void => {
  const { accept = '' } = ctx.req.headers
  if (accept === '' || accept.includes('*/*') || accept.includes('json')) return
  if (!ctx.accepts(type)) refuse('not_acceptable')
}

/** Parameters of the query string; those of an integer type become numbers, digits only. */
const queryReader = (schema: Route['schemas']['query']) => {
  const validate = schema && validator(schema, 'query')
  const properties: Readonly<Record<string, TSchema>> = schema?.properties ?? {}
  return (querystring: string): unknown => {
    const values: Record<string, unknown> = {}
    for (const [name, text] of new URLSearchParams(querystring)) {
      if (Object.hasOwn(values, name)) {
        const reason = `${name} is given twice. Give it once.`
        refuse('invalid_request', reason, [{ path: `/${name}`, reason }])
      }
      const type = (properties[name] as { type?: string } | undefined)?.type
      values[name] = type === 'integer' && /^\d{1,9}$/.test(text) ? Number(text) : text
    }
    const [first] = Object.keys(values)
    if (validate) return validate(values)
    if (first === undefined) return undefined
    const reason = `${first} is not a parameter of this route, which takes none.`
    return refuse('unknown_parameter', reason, [{ path: `/${first}`, reason }])
  }
}

const readJson = async (ctx: Context): Promise<unknown> => {
  const type = ctx.req.headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase()
  if (type !== 'application/json') {
    refuse('unsupported_media_type', `Send Content-Type: application/json, not ${type || 'none'}.`)
  }
  if (ctx.get('content-encoding')) {
    refuse('unsupported_media_type', 'Send the body without Content-Encoding.')
  }
  const body = await readBody(ctx.req)
  notedOf(ctx).bytes = body.length
  return parseStrictJson(body)
}

const readKey = (ctx: Context): string | null => {
  const key = ctx.headers['idempotency-key']
  if (key === undefined) return null
  const isKey = typeof key === 'string' && /^[\x21-\x7e]{1,255}$/.test(key)
  return isKey ? key : refuse('idempotency_key_invalid')
}

const readVisible = ({ req }: Context, header: string): string | null => {
  const value = req.headers[header]
  if (value === undefined || value === '') return null
  if (typeof value === 'string' && /^[\x21-\x7e]{1,128}$/.test(value)) return value
  return refuse('invalid_request', `${header} takes 1 to 128 visible ASCII characters.`)
}

const readMinRevision = ({ req }: Context): number | null => {
  const text = req.headers['daybook-min-revision']
  if (text === undefined || text === '') return null
  if (typeof text === 'string' && /^\d{1,15}$/.test(text)) return Number(text)
  return refuse('invalid_request', 'Daybook-Min-Revision is the Daybook-Revision of a write.')
}

const send = (ctx: Context, reply: Reply): void => {
  const { status = 200, headers = {} } = reply
  if (status === 204) return respond(ctx, status, headers, null, null)
  if ('stream' in reply) return sendStream(ctx, reply.stream)
  const body =
    'body' in reply
      ? reply.body
      : JSON.stringify({ data: reply.data, meta: reply.meta ?? {}, errors: [] })
  if (status !== 200 || (ctx.req.method !== 'GET' && ctx.req.method !== 'HEAD')) {
    return respond(ctx, status, headers, 'application/json', body)
  }
  const { ETag = contentTag(body), ...others } = headers
  const isKnown = isKnownTo(ctx.req.headers['if-none-match'], ETag)
  if (isKnown) return respond(ctx, 304, { ETag, ...others }, null, null)
  respond(ctx, 200, { ETag, ...others }, 'application/json', body)
}

/** What is streamed is never buffered on its way, and ends quietly where it cannot go on. */
const sendStream = (ctx: Context, stream: Readable): void => {
  ctx.type = 'text/event-stream'
  ctx.set('Cache-Control', 'no-store')
  ctx.set('X-Accel-Buffering', 'no')
  ctx.body = stream
}
