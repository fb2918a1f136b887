import type { Context } from 'koa'

/** What is known of a request beside the request itself; it is in the context's state. */
export type Noted = {
  readonly requestId: string
  /** As the route is defined; `none` where none took the request. */
  route: string
  /** Of its body. */
  bytes: number
  /** The command that it became, if it did, and the ids to find it by. */
  traced: Readonly<Record<string, string>> | null
}

export const notedOf = (ctx: Context): Noted => ctx.state as Noted

/**
 * Sends status, headers and body at once. Koa's way, with a setter for each of them, takes longer
 * than it takes to find an answer in the cache.
 */
export const respond = (
  ctx: Context,
  status: number,
  headers: Readonly<Record<string, string>>,
  type: string | null,
  body: string | null,
): void => {
  ctx.respond = false
  const list = ['X-Request-Id', notedOf(ctx).requestId, 'X-Content-Type-Options', 'nosniff']
  for (const name in headers) list.push(name, headers[name] as string)
  if (type !== null) list.push('Content-Type', type)
  if (body !== null) list.push('Content-Length', String(Buffer.byteLength(body)))
  ctx.res.writeHead(status, list)
  ctx.res.end(body === null || ctx.req.method === 'HEAD' ? undefined : body)
}
