import type Router from '@koa/router'
import type { Dependencies } from './dependencies.ts'

export const mountMetrics = (router: Router, { metrics }: Dependencies): void => {
  router.get('/metrics', async (ctx) => {
    ctx.type = 'text/plain; version=0.0.4; charset=utf-8'
    ctx.body = await metrics()
  })
}
