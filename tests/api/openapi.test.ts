import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { Validator } from '@seriousme/openapi-schema-validator'
import type { Dependencies } from '../../src/api/dependencies.ts'
import { allRoutes } from '../../src/api/routes/index.ts'
import { transfer } from '../support/book.ts'
import { type Daybook, daybook } from '../support/daybook.ts'
import { type Documented, documentedBy, type OpenApi } from '../support/documented.ts'
import { type Answer, getWhenVisible, restClient } from '../support/rest.ts'

describe('the OpenAPI document', () => {
  let running: Daybook
  let document: OpenApi
  let documented: Documented

  before(async () => {
    running = await daybook()
    const { status, headers, text } = await running.rest.get('/openapi.json')
    assert.equal(status, 200)
    assert.match(headers.get('content-type') ?? '', /^application\/json/)
    document = JSON.parse(text)
    documented = documentedBy(document)
  })

  it('is valid OpenAPI 3.1', async () => {
    assert.match(document.openapi, /^3\.1\./)
    const { valid, errors } = await new Validator().validate(structuredClone({ ...document }))
    assert.ok(valid, JSON.stringify(errors, null, 2))
  })

  it('has every route that is mounted, and no other', () => {
    // Routes are only listed here, so what they would work with is not needed.
    const nothing = new Proxy({}, { get: () => nothing }) as Dependencies
    const mounted = allRoutes(nothing).map(({ method, address }) => `${method} ${address}`)
    assert.ok(mounted.length > 15)
    const listed = Object.entries(document.paths).flatMap(([address, operations]) =>
      Object.keys(operations).map((method) => `${method} ${address}`),
    )
    assert.deepEqual(listed.sort(), mounted.sort())
  })

  it('names each operation once, and says of each what it does', () => {
    const operations = Object.values(document.paths).flatMap((path) => Object.values(path))
    const names = operations.map(({ operationId }) => operationId)
    assert.equal(new Set(names).size, names.length)
    for (const { summary } of operations) assert.ok(summary.length > 5)
  })

  it('promises a key and a revision to wait for only where they do something', () => {
    const having = (name: string) =>
      Object.entries(document.paths).flatMap(([address, operations]) =>
        Object.entries(operations)
          .filter(([, { parameters }]) => parameters.some((one) => one.name === name))
          .map(([method]) => `${method} ${address}`),
      )
    assert.ok(having('Idempotency-Key').includes('post /v1/books'))
    for (const one of having('Idempotency-Key'))
      assert.match(one, /^(post|put|patch|delete) \/v1\/books/)
    assert.ok(having('Daybook-Min-Revision').length > 5)
    for (const one of having('Daybook-Min-Revision')) assert.match(one, /^get .*\{book\}/)
    assert.deepEqual(having('metadata'), [
      'get /v1/books/{book}/accounts',
      'get /v1/books/{book}/transactions',
    ])
  })

  it('names no parameter of a route twice', () => {
    for (const [address, operations] of Object.entries(document.paths)) {
      for (const [method, { parameters }] of Object.entries(operations)) {
        const names = parameters.map(({ name }) => name)
        assert.equal(new Set(names).size, names.length, `${method} ${address}: ${names.join(', ')}`)
      }
    }
  })

  it('says of each list up to where its pages lead, and whether its cursors are pinned', () => {
    const pinned: string[] = []
    for (const [address, operations] of Object.entries(document.paths)) {
      for (const { parameters } of Object.values(operations)) {
        const page = parameters.find(({ name }) => name === 'page')
        const cursor = parameters.find(({ name }) => name === 'cursor')
        if (!page) continue
        assert.equal(page.schema['maximum'], 10_000, address)
        assert.match(cursor?.description ?? '', /pinned to a revision/i, address)
        if (cursor?.description?.includes('. Pinned')) pinned.push(address)
      }
    }
    assert.deepEqual(pinned.sort(), [
      '/v1/books/{book}/accounts/{account}/entries',
      '/v1/books/{book}/transactions',
    ])
  })

  it('lists nothing that does not answer, and all but the login asks for a token', async () => {
    const nobody = restClient(running.rest.url, null)
    for (const [address, operations] of Object.entries(document.paths)) {
      for (const method of Object.keys(operations)) {
        const path = address.replaceAll(/\{\w+\}/g, randomUUID())
        const answer = await nobody.send(method.toUpperCase(), path)
        const isLogin = path === '/v1/auth/login'
        assert.equal(answer.status, isLogin ? 415 : 401, `${method} ${address}`)
        documented.check(method, path, answer)
      }
    }
  })

  it('tells the truth about the answers of every route', async () => {
    const { rest } = running
    const told = async <Data>(method: string, path: string, body?: unknown) => {
      const answer = await (method === 'GET'
        ? getWhenVisible<Data>(rest, path, revision)
        : rest.send<Data>(method, path, body === undefined ? null : JSON.stringify(body), {
            'content-type': 'application/json',
          }))
      documented.check(method, path, answer)
      revision = Math.max(revision, Number(answer.headers.get('daybook-revision')))
      return answer
    }
    let revision = 0
    const post = <Data = { id: string }>(path: string, body: unknown) =>
      told<Data>('POST', path, body)
    const get = (path: string) => told('GET', path)

    await rest.post('/v1/auth/login', {}).then((answer) => {
      documented.check('POST', '/v1/auth/login', answer)
    })
    const password = 'a password of a user'
    const email = `${randomUUID()}@example.com`
    const user = (await post('/v1/users', { email, password })).data.id
    await post('/v1/auth/login', { email, password })
    await post('/v1/users', { email, password })
    await get('/v1/users')

    const currencies = [{ code: 'GOLD', exponent: 3 }]
    const opened = await post('/v1/books', { name: 'x', currencies, metadata: { a: 'b' } })
    await get('/v1/books?limit=2')
    const book = `/v1/books/${opened.data.id}`
    await get(book)
    const limits = { min_balance: '0', max_balance: '1000', metadata: { a: 'b' } }
    const cash = { code: 'cash', type: 'asset', currency: 'EUR', ...limits }
    await post(`${book}/accounts`, cash)
    await post(`${book}/accounts`, cash)
    const capital = { code: 'capital', type: 'equity', currency: 'EUR', name: 'Capital' }
    await post(`${book}/accounts/batch`, { accounts: [capital] })
    const more = { effective_at: '2024-02-29', description: 'first', metadata: { a: 'b' } }
    const sent = { ...transfer('capital', 'cash', 5), ...more, id: randomUUID() }
    const recorded = await post(`${book}/transactions`, sent)
    await post(`${book}/transactions`, sent)
    await post(`${book}/transactions`, transfer('cash', 'capital', 6))
    const transactions = [sent, transfer('cash', 'capital', 9), transfer('capital', 'cash', 1)]
    await post(`${book}/transactions/batch`, { transactions, atomic: false })
    await post(`${book}/transactions/batch`, { transactions: [sent] })
    await post(`${book}/transactions/batch`, { transactions })
    await post(`${book}/batch`, { items: [{ record: sent }] })
    const items = [{ record: transfer('capital', 'cash', 1) }, { record: sent }, { record: {} }]
    await post(`${book}/batch`, { items, atomic: false })
    await post(`${book}/batch`, { items })
    for (const path of ['', '/accounts', '/accounts/cash', '/accounts/cash/entries']) {
      await get(`${book}${path}`)
    }
    await get(`${book}/accounts/cash/balance`)
    await get(`${book}/accounts/cash/balance?effective_at=2024-02-29`)
    await get(`${book}/accounts/none`)
    const held = { ...transfer('capital', 'cash', 5), status: 'pending', reference: randomUUID() }
    for (const end of ['post', 'void']) {
      const hold = { ...held, id: randomUUID(), reference: randomUUID() }
      const path = `${book}/transactions/${hold.id}`
      await post(`${book}/transactions`, hold)
      await get(path)
      await post(`${path}/post`, { amount: '1', remainder: 'keep' })
      await post(`${path}/${end}`, end === 'post' ? {} : undefined)
      await post(`${path}/${end}`, end === 'post' ? {} : undefined)
      await get(path)
    }
    await post(`${book}/transactions/${recorded.data.id}/reverse`, {})
    await post(`${book}/transactions/${recorded.data.id}/reverse`, {})
    await get(`${book}/transactions/${recorded.data.id}`)
    await get(`${book}/transactions?limit=1`)
    await get(`${book}/transactions?limit=0`)
    await get(`${book}/transactions/${recorded.data.id}`)
    await told('PATCH', `${book}/transactions/${recorded.data.id}`, { metadata: { a: null } })
    await get(`${book}/transactions/${randomUUID()}`)
    await get(`${book}/reports/trial-balance`)
    await get(`${book}/reports/trial-balance?effective_at=2024-02-29`)
    const account = `${book}/accounts/capital`
    await told('PATCH', account, { name: 'Shares' })
    await told('PUT', account, { code: 'capital', metadata: { a: 'b' } })
    await told('POST', `${account}/freeze`)
    await told('POST', `${account}/unfreeze`)
    await told('DELETE', account)
    await post(`${book}/accounts`, { code: 'spare', type: 'asset', currency: 'EUR' })
    await told('DELETE', `${book}/accounts/spare`)
    await get(`${book}/events?limit=2`)
    await post(`${book}/periods/close`, { through: '2024-02-29' })
    await post(`${book}/transactions`, sent)
    await get(`${book}/periods`)
    await post(`${book}/periods/reopen`, { through: null })
    await post(`${book}/periods/reopen`, { through: null })
    await get(`${book}/periods`)
    await get(`${book}/integrity?limit=2`)
    await told('PUT', `${book}/members/${user}`, { role: 'owner' })
    await get(`${book}/members`)
    await told('DELETE', `${book}/members/${user}`)
    await told('DELETE', `${book}/members/${user}`)

    const promised = Object.entries(document.paths).flatMap(([address, operations]) =>
      Object.entries(operations).flatMap(([method, { responses }]) =>
        Object.keys(responses)
          .filter((status) => status.startsWith('2'))
          .map((status) => `${method} ${address} ${status}`),
      ),
    )
    // projections.test.ts looks at those, in a Daybook of its own.
    const elsewhere = /^\w+ \/v1\/(projections|operations)/
    const missing = promised.filter((name) => !elsewhere.test(name) && !documented.seen.has(name))
    assert.deepEqual(missing, [], 'an answer that is promised was not seen: add a request here')
  })
})

describe('the docs page', () => {
  const fetched = async (path: string): Promise<Answer> => {
    const answer = await restClient((await daybook()).rest.url, null).get(path)
    assert.equal(answer.status, 200, path)
    return answer
  }

  it('loads nothing from outside, and may not', async () => {
    const page = await fetched('/docs')
    assert.match(page.headers.get('content-type') ?? '', /^text\/html/)
    const sources = [...page.text.matchAll(/(?:src|href|url)\s*[=(]\s*"?([^"\s>)]+)/g)].map(
      ([, source = '']) => source,
    )
    assert.ok(sources.length >= 3)
    for (const source of sources) assert.match(source, /^(\/docs\/|data:,)/)
    const policy = page.headers.get('content-security-policy') ?? ''
    assert.match(policy, /default-src 'none'/)
    const allowed = new Set(
      policy.split(/[;\s]+/).filter((word) => !/^[a-z]+-(src|uri|ancestors)$/.test(word)),
    )
    for (const place of allowed) {
      assert.ok(["'none'", "'self'", "'unsafe-inline'", 'data:'].includes(place), place)
    }
    assert.doesNotMatch(policy, /script-src[^;]*unsafe/)
    for (const source of sources.filter((one) => one.startsWith('/docs/'))) {
      const asset = await fetched(source)
      assert.match(
        asset.headers.get('content-type') ?? '',
        /^text\/(css|javascript); charset=utf-8/,
      )
      if (source.endsWith('.css'))
        assert.doesNotMatch(asset.text, /(@import|url\()\s*["']?(https?:)?\/\//)
    }
    assert.match((await fetched('/docs/start.js')).text, /url: '\/openapi\.json'/)
  })
})
