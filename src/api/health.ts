import type Router from '@koa/router'
import type { Dependencies } from './dependencies.ts'

/** `live`: the process answers. `ready`: what it needs answers too; a cache may be missing. */
export const mountHealth = (router: Router, { health }: Dependencies): void => {
  router.get('/health/live', (ctx) => {
    ctx.body = { status: 'up' }
  })
  router.get('/health/ready', async (ctx) => {
    const parts = await health()
    const states = Object.values(parts)
    ctx.status = states.includes('down') ? 503 : 200
    if (ctx.status === 503) ctx.set('Retry-After', '1')
    const status = ['down', 'degraded'].find((state) => states.includes(state as never)) ?? 'up'
    ctx.body = { status, parts }
  })
}
