import type Router from '@koa/router'
import type { Context } from 'koa'
import type { TSchema } from 'typebox'
import type { Received } from '../commands/received.ts'
import { refuse } from '../domain/rejection.ts'
import type { Dependencies } from './dependencies.ts'
import { executor } from './execute.ts'
import { readBody } from './read-body.ts'
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
import { readIfMatch } from './versions.ts'

/** Puts a route under its address: authenticate, validate, handle, answer. */
export const mount = (router: Router, dependencies: Dependencies, route: Route): void => {
  const { method, address, schemas, isPublic = false, isConditional = false } = route
  const toPath = schemas.path ? validator(schemas.path, 'path') : ignore
  const isCommand = makesCommand(route)
  const toQuery = queryReader(isCommand ? CommandQuery : schemas.query)
  const toBody = schemas.body ? validator(schemas.body, 'body') : ignore
  const routeName = `${method.toUpperCase()} ${address}`

  router[method](address.replaceAll(/\{(\w+)\}/g, ':$1'), async (ctx: Context) => {
    ctx.state['route'] = routeName
    const principal = isPublic ? nobody : authenticate(ctx, dependencies)
    checkAccept(ctx)
    const path = toPath(ctx['params'])
    const query = toQuery(ctx.querystring)
    const isDryRun = isCommand && (query as CommandQuery).dry_run === 'true'
    if (isDryRun) ctx.set('Daybook-Dry-Run', 'true')
    const sent = schemas.body ? await readJson(ctx) : undefined
    const body = toBody(sent)
    const idempotencyKey = method === 'get' ? null : readKey(ctx)
    const correlationId = readVisible(ctx, 'x-correlation-id') ?? ctx.state['requestId']
    const versions = isConditional ? readIfMatch(ctx.headers['if-match']) : null
    const request = { path, body: sent ?? null, ...(versions && { versions }) }
    const trace = ({ command, commandId, bookId }: Received) => {
      const facts = { command: command.name, command_id: commandId, book: bookId }
      ctx.state['traced'] = { ...facts, correlation_id: correlationId }
    }
    const bytes: number = ctx.state['bytes'] ?? 0
    const asked = { principal, correlationId, idempotencyKey, route: routeName, isDryRun }
    const origin = { ...asked, request, bytes, trace }
    const execute = executor(dependencies, origin)
    const minRevision = readMinRevision(ctx)
    const heeded = { principal, minRevision, versions, idempotencyKey }
    const reply = await route.handle({ path, query, body, ...heeded, execute } as Call)
    send(ctx, isDryRun ? withoutPlace(reply) : reply)
  })
}

/** What was only tried stands nowhere, and has no version. */
const withoutPlace = (reply: Reply): Reply => {
  const { Location: _, ETag: __, ...headers } = reply.headers ?? {}
  return { ...reply, headers }
}

const nobody: Principal = { id: '', role: 'nobody' }
const ignore = (): undefined => undefined

const authenticate = (ctx: Context, { tokens }: Dependencies): Principal => {
  const [, token] = /^Bearer ([\w.~+/=-]+)$/i.exec(ctx.get('authorization')) ?? []
  return token ? tokens.verify(token) : refuse('unauthenticated')
}

const checkAccept = (ctx: Context): void => {
  const accept = ctx.get('accept')
  if (accept === '' || accept.includes('*/*') || accept.includes('json')) return
  if (!ctx.accepts('application/json')) refuse('not_acceptable')
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
  const type = ctx.get('content-type').split(';', 1)[0]?.trim().toLowerCase()
  if (type !== 'application/json') {
    refuse('unsupported_media_type', `Send Content-Type: application/json, not ${type || 'none'}.`)
  }
  if (ctx.get('content-encoding')) {
    refuse('unsupported_media_type', 'Send the body without Content-Encoding.')
  }
  const body = await readBody(ctx.req)
  ctx.state['bytes'] = body.length
  return parseStrictJson(body)
}

const readKey = (ctx: Context): string | null => {
  const key = ctx.headers['idempotency-key']
  if (key === undefined) return null
  const isKey = typeof key === 'string' && /^[\x21-\x7e]{1,255}$/.test(key)
  return isKey ? key : refuse('idempotency_key_invalid')
}

const readVisible = (ctx: Context, header: string): string | null => {
  const value = ctx.get(header)
  if (value === '') return null
  if (/^[\x21-\x7e]{1,128}$/.test(value)) return value
  return refuse('invalid_request', `${header} takes 1 to 128 visible ASCII characters.`)
}

const readMinRevision = (ctx: Context): number | null => {
  const text = ctx.get('daybook-min-revision')
  if (text === '') return null
  if (/^\d{1,15}$/.test(text)) return Number(text)
  return refuse('invalid_request', 'Daybook-Min-Revision is the Daybook-Revision of a write.')
}

const send = (ctx: Context, reply: Reply): void => {
  ctx.status = reply.status ?? 200
  if (reply.headers) ctx.set(reply.headers)
  if (ctx.status === 204) return
  ctx.type = 'application/json'
  if ('body' in reply) {
    ctx.body = reply.body
  } else {
    const { data, meta = {} } = reply
    ctx.body = JSON.stringify({ data, meta, errors: [] })
  }
}
