import Router from '@koa/router'
import Koa, { type Middleware } from 'koa'
import { refuse } from '../domain/rejection.ts'
import { rememberedAddresses } from './addresses.ts'
import type { Dependencies } from './dependencies.ts'
import { mountDocs } from './docs.ts'
import { answerErrors } from './errors.ts'
import { mountHealth } from './health.ts'
import { mountMetrics } from './metrics.ts'
import { mount } from './mount.ts'
import { toOpenApi } from './openapi.ts'
import { allRoutes } from './routes/index.ts'

/** The whole HTTP surface as a Koa application. */
export const createApp = (dependencies: Dependencies, version: string): Koa => {
  const router = new Router()
  const routes = allRoutes(dependencies)
  const addresses = rememberedAddresses()
  for (const route of routes) mount(router, addresses, dependencies, route)
  mountDocs(router, toOpenApi(routes, version))
  mountHealth(router, dependencies)
  mountMetrics(router, dependencies)
  const app = new Koa()
  app.silent = true
  app.on('error', (error) => dependencies.log.error({ err: error }, 'a response failed'))
  app.use(answerErrors(dependencies))
  app.use(addresses.recall)
  app.use(checkAddress)
  app.use(router.routes())
  app.use(noRoute(router))
  return app
}

const checkAddress: Middleware = (ctx, next) => {
  try {
    decodeURIComponent(ctx.path)
  } catch {
    refuse('invalid_request', 'The address has a broken percent-encoding. Write % as %25.')
  }
  if (ctx.url.includes('%00')) refuse('invalid_request', 'The address holds the character U+0000.')
  return next()
}

/** Reached when no route took the request: another method would have, or there is nothing. */
const noRoute =
  (router: Router): Middleware =>
  (ctx) => {
    const methods = new Set(router.match(ctx.path, ctx.method).path.flatMap((l) => l.methods))
    if (methods.size === 0) return refuse('route_not_found')
    ctx.set('Allow', [...methods, 'OPTIONS'].join(', '))
    if (ctx.method === 'OPTIONS') {
      ctx.status = 204
      return
    }
    return refuse('method_not_allowed')
  }
