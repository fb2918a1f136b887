import type { Context, Middleware } from 'koa'
import { Rejected, type Rejection, rejections } from '../domain/rejection.ts'
import type { Dependencies } from './dependencies.ts'
import { Refused } from './execute.ts'
import { requestIdOf } from './request-id.ts'
import { type Noted, respond } from './respond.ts'
import { retryAfter, statuses } from './statuses.ts'

/** The outermost middleware: gives each request an id, and turns what is thrown into an answer. */
export const answerErrors =
  ({ log, observe }: Pick<Dependencies, 'log' | 'observe'>): Middleware =>
  async (ctx, next) => {
    const start = performance.now()
    const requestId = requestIdOf(ctx.req.headers['x-request-id'])
    const noted: Noted = { requestId, route: 'none', bytes: 0, traced: null }
    ctx.state = noted
    try {
      await next()
      if (ctx.respond !== false) setCommon(ctx, requestId)
    } catch (error) {
      if (error instanceof Rejected) {
        const headers = error instanceof Refused ? headersOf(error) : {}
        answer(ctx, error.rejection, statuses[error.rejection.code], headers)
      } else if (ctx.req.destroyed && !ctx.req.complete) {
        // The caller went away in the middle of its body: there is nobody to answer.
        ctx.respond = false
      } else {
        log.error({ err: error, request_id: requestId }, 'a request failed')
        answer(ctx, internal(requestId), 500)
      }
    }
    const { method = '', url = '', headers } = ctx.req
    observe({
      method,
      path: url.split('?', 1)[0] as string,
      route: noted.route,
      status: ctx.res.statusCode,
      seconds: (performance.now() - start) / 1000,
      traceparent: headers['traceparent'],
      requestId,
      traced: noted.traced,
    })
  }

/** What `respond` sets by itself, on an answer that Koa sends. */
const setCommon = (ctx: Context, requestId: string): void => {
  ctx.set({ 'X-Request-Id': requestId, 'X-Content-Type-Options': 'nosniff' })
}

const headersOf = ({ revision, isReplay }: Refused): Record<string, string> => ({
  ...(revision >= 0 && { 'Daybook-Revision': String(revision) }),
  ...(isReplay && { 'Idempotent-Replayed': 'true' }),
})

type Problem = Omit<Rejection, 'code'> & { readonly code: string }

const internal = (requestId: string): Problem => ({
  code: 'internal_error',
  message: `Something is broken in Daybook. Its log says more under request id ${requestId}.`,
  details: [],
})

/** RFC 9457: the title is the same for all problems of a type, the detail is this one's. */
const titleOf = (code: string): string =>
  Object.hasOwn(rejections, code) ? rejections[code as Rejection['code']] : 'Internal error'

const answer = (
  ctx: Context,
  problem: Problem,
  status: number,
  given: Readonly<Record<string, string>> = {},
): void => {
  const { code, message, details } = problem
  const isProblem = (ctx.req.headers.accept ?? '').includes('application/problem+json')
  const headers = {
    ...given,
    ...((status === 503 || status === 429) && { 'Retry-After': retryAfter }),
    ...(status === 401 && { 'WWW-Authenticate': 'Bearer' }),
    ...(status === 413 && { Connection: 'close' }),
  }
  const body = isProblem
    ? { type: `urn:daybook:${code}`, title: titleOf(code), status, detail: message, code, details }
    : { error: { code, message, details } }
  const type = isProblem ? 'application/problem+json' : 'application/json'
  respond(ctx, status, headers, type, JSON.stringify(body))
}
