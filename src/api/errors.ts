import type { Middleware } from 'koa'
import { v7 } from 'uuid'
import { Rejected, type Rejection, rejections } from '../domain/rejection.ts'
import type { Dependencies } from './dependencies.ts'
import { Refused } from './execute.ts'
import { retryAfter, statuses } from './statuses.ts'

const visible = /^[\x21-\x7e]{1,128}$/

/** The outermost middleware: gives each request an id, logs it, and turns what is thrown into an answer. */
export const answerErrors =
  ({ log, observe }: Pick<Dependencies, 'log' | 'observe'>): Middleware =>
  async (ctx, next) => {
    const start = performance.now()
    const given = ctx.get('x-request-id')
    const requestId = visible.test(given) ? given : v7()
    ctx.state['requestId'] = requestId
    ctx.set('X-Request-Id', requestId)
    ctx.set('X-Content-Type-Options', 'nosniff')
    try {
      await next()
    } catch (error) {
      if (error instanceof Rejected) {
        if (error instanceof Refused) setOutcome(ctx, error)
        answer(ctx, error.rejection, statuses[error.rejection.code])
      } else if (ctx.req.destroyed && !ctx.req.complete) {
        // The caller went away in the middle of its body: there is nobody to answer.
        ctx.respond = false
      } else {
        log.error({ err: error, request_id: requestId }, 'a request failed')
        answer(ctx, internal(requestId), 500)
      }
    }
    const seconds = (performance.now() - start) / 1000
    const route: string = ctx.state['route'] ?? 'none'
    const ids = { request_id: requestId, ...ctx.state['traced'] }
    const traceparent = ctx.get('traceparent') || undefined
    observe({ method: ctx.method, route, status: ctx.status, seconds, traceparent, ids })
    const ms = Math.round(seconds * 10_000) / 10
    const { method, path, status } = ctx
    const facts = { method, path, status, ms, ...ids }
    log[ctx.status >= 500 ? 'warn' : 'info'](facts, 'request')
  }

const setOutcome = (ctx: Parameters<Middleware>[0], { revision, isReplay }: Refused): void => {
  if (revision >= 0) ctx.set('Daybook-Revision', String(revision))
  if (isReplay) ctx.set('Idempotent-Replayed', 'true')
}

type Problem = Omit<Rejection, 'code'> & { readonly code: string }

const internal = (requestId: string): Problem => ({
  code: 'internal_error',
  message: `Something is broken in Daybook. Its log says more under request id ${requestId}.`,
  details: [],
})

/** RFC 9457: the title is the same for all problems of a type, the detail is this one's. */
const titleOf = (code: string): string =>
  Object.hasOwn(rejections, code) ? rejections[code as Rejection['code']] : 'Internal error'

const answer = (ctx: Parameters<Middleware>[0], problem: Problem, status: number): void => {
  const { code, message, details } = problem
  ctx.status = status
  if (status === 503) ctx.set('Retry-After', retryAfter)
  if (status === 401) ctx.set('WWW-Authenticate', 'Bearer')
  if (status === 413) ctx.set('Connection', 'close')
  if (ctx.get('accept').includes('application/problem+json')) {
    ctx.type = 'application/problem+json'
    ctx.body = JSON.stringify({
      type: `urn:daybook:${code}`,
      title: titleOf(code),
      status,
      detail: message,
      code,
      details,
    })
  } else {
    ctx.type = 'application/json'
    ctx.body = JSON.stringify({ error: { code, message, details } })
  }
}
