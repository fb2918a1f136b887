import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import Router from '@koa/router'
import Koa from 'koa'
import { rememberedAddresses } from '../src/api/addresses.ts'
import type { Dependencies } from '../src/api/dependencies.ts'
import { answerErrors } from '../src/api/errors.ts'
import { mount } from '../src/api/mount.ts'
import { rateLimit } from '../src/api/rate-limit.ts'
import { createTokens } from '../src/api/tokens.ts'
import { createLogger, requestLog } from '../src/runtime/log.ts'
import { connectPostgres } from '../src/runtime/postgres.ts'
import { plainRoutes } from './plain/routes.ts'

// Plain Postgres behind the stack that Daybook's API has, and a route that does nothing at all.

const environment = (name: string): string => process.env[name] ?? ''
const log = createLogger('yardstick')
const pool = connectPostgres(environment('DATABASE_URL'), {
  max: Number(environment('POOL')),
  statementMs: 10_000,
  onError: (error) => log.warn({ err: error }, 'an idle database connection ended'),
})
const tokens = createTokens(environment('DAYBOOK_JWT_SECRET'))

const rate = Number(environment('DAYBOOK_RATE_LIMIT'))
const router = new Router()
const dependencies = {
  tokens,
  log,
  admit: rateLimit(rate, Date.now),
} as Partial<Dependencies> as Dependencies
const addresses = rememberedAddresses()
for (const route of plainRoutes(dependencies, pool)) mount(router, addresses, dependencies, route)
const app = new Koa()
app.use(answerErrors({ log, observe: requestLog(log) }))
app.use(addresses.recall)
app.use(router.routes())

/** The bare route: Koa, its router, the token, and a text of the length of an account's. */
const bareRouter = new Router()
const account = JSON.stringify({ data: { filler: 'x'.repeat(560) }, meta: {}, errors: [] })
bareRouter.get('/v1/books/:book/accounts/:account', (ctx) => {
  const [, token = ''] = /^Bearer ([\w.~+/=-]+)$/i.exec(ctx.get('authorization')) ?? []
  tokens.verify(token)
  ctx.type = 'application/json'
  ctx.body = account
})
const bare = new Koa().use(bareRouter.routes())

const isBare = environment('POOL') === '0'
const handle = (isBare ? bare : app).callback()
const server = createServer((request, response) => void handle(request, response))
server.keepAliveTimeout = 65_000
server.listen(0, '127.0.0.1', () => {
  process.send?.({ ready: true, port: (server.address() as AddressInfo).port })
})
process.once('SIGTERM', () => process.exit(0))
process.once('disconnect', () => process.exit(0))
