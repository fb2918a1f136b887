import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import http from 'node:http'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import jwt from 'jsonwebtoken'
import { openAccounts, openBook, type TestBook, transfer } from '../support/book.ts'
import { type Daybook, daybook, jwtSecret } from '../support/daybook.ts'
import { eventsOf } from '../support/log-of-book.ts'
import { type Answer, type Rest, restClient, revisionOf } from '../support/rest.ts'

/** A request that must be refused. Its path is below the book unless it begins with /v1 or /docs. */
type Bad = {
  readonly what: string
  readonly method?: string
  readonly path?: string
  readonly body?: unknown
  /** In place of a body: sent as it is. */
  readonly raw?: string | Uint8Array<ArrayBuffer>
  readonly headers?: Record<string, string>
  readonly status: number
  readonly code: string
  /** What the message must say, so that its reader knows what to do. */
  readonly says: RegExp
  readonly allow?: string
}

const post = (transaction: object) => ({ body: transaction })
const entries = (...list: [account: string, direction: string, amount: unknown][]) => ({
  entries: list.map(([account, direction, amount]) => ({ account, direction, amount })),
})
const pay = transfer('equity:capital', 'asset:cash', 100)
const dated = (effective_at: string) => ({ ...pay, effective_at })
const text = JSON.stringify(pay)
const latin1 = Uint8Array.from(Buffer.from('{"description": "caf\u00e9"}', 'latin1'))
const deep = `${'{"metadata":'.repeat(40)}{}${'}'.repeat(40)}`

const transactions: Bad[] = [
  {
    what: 'debits and credits that differ',
    ...post(entries(['asset:cash', 'debit', '100'], ['equity:capital', 'credit', '99'])),
    status: 422,
    code: 'unbalanced',
    says: /Debits exceed credits by 1 EUR; they must be equal/,
  },
  {
    what: 'a transaction that balances only across currencies',
    ...post(entries(['asset:dollars', 'debit', '100'], ['equity:capital', 'credit', '100'])),
    status: 422,
    code: 'unbalanced',
    says: /exceed .* by 100 (USD|EUR)/,
  },
  {
    what: 'an account that is not there',
    ...post(transfer('asset:none', 'asset:cash', 1)),
    status: 404,
    code: 'account_not_found',
    says: /no account asset:none in this book\. Open it first/,
  },
  {
    what: 'a currency that is not the account’s',
    ...post({ transfers: [{ ...pay.transfers[0], currency: 'USD' }] }),
    status: 422,
    code: 'currency_mismatch',
    says: /equity:capital is in EUR, not in USD/,
  },
  {
    what: 'a number as amount',
    ...post(entries(['asset:cash', 'debit', 100], ['equity:capital', 'credit', 100])),
    status: 400,
    code: 'amount_not_a_string',
    says: /Amounts are strings, e\.g\. "1250"/,
  },
  {
    what: 'an amount of 39 digits',
    ...post(transfer('equity:capital', 'asset:cash', '1'.repeat(39))),
    status: 422,
    code: 'amount_out_of_range',
    says: /at most 38 digits/,
  },
  {
    what: 'a balance of 39 digits',
    ...post({
      transfers: Array.from({ length: 2 }, () => ({ ...pay.transfers[0], amount: '9'.repeat(38) })),
    }),
    status: 422,
    code: 'balance_out_of_range',
    says: /balance of .* more than 38 digits/,
  },
  {
    what: 'an amount of zero',
    ...post(transfer('equity:capital', 'asset:cash', '0')),
    status: 422,
    code: 'amount_out_of_range',
    says: /above zero/,
  },
  ...['-1', '1.50', '1e3', '0x10', ' 1', '007', '', '१'].map(
    (amount): Bad => ({
      what: `the amount "${amount}"`,
      ...post(transfer('equity:capital', 'asset:cash', amount)),
      status: 400,
      code: 'invalid_request',
      says: /\/transfers\/0\/amount: must match .* \(Minor units as a string of digits, e\.g\. "1250"/,
    }),
  ),
  {
    what: 'a transaction without entries',
    ...post({}),
    status: 422,
    code: 'too_few_entries',
    says: /at least two entries; this has 0/,
  },
  {
    what: 'a transfer from an account to itself',
    ...post(transfer('asset:cash', 'asset:cash', 1)),
    status: 422,
    code: 'same_account',
    says: /at least two accounts/,
  },
  {
    what: 'more than the account has',
    ...post(transfer('asset:cash', 'equity:capital', 501)),
    status: 422,
    code: 'balance_too_low',
    says: /asset:cash would fall to -1 EUR; its minimum is 0/,
  },
  {
    what: 'more than the account may have',
    ...post(transfer('equity:capital', 'asset:capped', 1001)),
    status: 422,
    code: 'balance_too_high',
    says: /asset:capped would rise to 1001 EUR; its maximum is 1000/,
  },
  {
    what: 'a direction that is neither debit nor credit',
    ...post(entries(['asset:cash', 'DEBIT', '1'], ['equity:capital', 'credit', '1'])),
    status: 400,
    code: 'invalid_request',
    says: /direction: must be one of debit, credit/,
  },
  {
    what: 'a field that it does not know',
    ...post({ ...pay, efective_at: '2024-02-29' }),
    status: 400,
    code: 'invalid_request',
    says: /efective_at is not a field here/,
  },
  {
    what: 'an entry without account',
    ...post({ entries: [{ direction: 'debit', amount: '1' }] }),
    status: 400,
    code: 'invalid_request',
    says: /account is missing/,
  },
  {
    what: 'a description that is a number',
    ...post({ ...pay, description: 7 }),
    status: 400,
    code: 'invalid_request',
    says: /\/description: must be string/,
  },
  {
    what: 'metadata that is not text',
    ...post({ ...pay, metadata: { order: 7 } }),
    status: 400,
    code: 'invalid_request',
    says: /\/metadata\/order: must be string/,
  },
  {
    what: 'metadata under a key with a space',
    ...post({ ...pay, metadata: { 'a key': 'x' } }),
    status: 400,
    code: 'invalid_request',
    says: /\/metadata\/a key: A key of metadata has 1 to 64 of A-Z a-z 0-9/,
  },
  ...[
    '7',
    'urn:uuid:0190163d-8694-739b-aea5-966c26f8ad91',
    '{0190163d-8694-739b-aea5-966c26f8ad91}',
  ].map(
    (id): Bad => ({
      what: `the id ${id}`,
      ...post({ ...pay, id }),
      status: 400,
      code: 'invalid_request',
      says: /\/id: must be a UUID/,
    }),
  ),
  {
    what: 'an array in place of a transaction',
    ...post([pay]),
    status: 400,
    code: 'invalid_request',
    says: /the body: must be object/,
  },
  ...[
    '2024-02-30',
    '2023-02-29',
    '2024-13-01',
    '0000-01-01',
    '10000-01-01',
    '29.02.2024',
    ' 2024-02-29',
    '2024-02-29T12:00:00',
    '2024-02-29T12:00:00.0001Z',
    '2024-02-29T25:00:00Z',
    '2024-02-29T23:59:60Z',
    '2024-02-29T12:00:00+25:00',
    '2024-02-29T12:00:00+14:60',
    '0001-01-01T00:00:00+14:00',
    '9999-12-31T23:59:59-12:00',
    '',
  ].map(
    (date): Bad => ({
      what: `the date "${date}"`,
      ...post(dated(date)),
      status: 400,
      code: 'invalid_request',
      says: /\/effective_at: must be a date \(2024-02-29\) or an instant/,
    }),
  ),
]

const json = { 'content-type': 'application/json' }
const malformed = (what: string, raw: Bad['raw'] & {}, says: RegExp): Bad => ({
  what,
  raw,
  headers: json,
  status: 400,
  code: 'malformed_json',
  says,
})

/** An object with so many keys, and the first of them again. */
const twiceAfter = (count: number): string => {
  const members = Array.from({ length: count }, (_, index) => `"k${index}":{}`)
  return `{${[...members, '"k0":{}'].join(',')}}`
}

const bodies: Bad[] = [
  malformed('a body that is cut off', text.slice(0, -3), /cannot be read/),
  malformed('an empty body', '', /cannot be read/),
  malformed('a body with more after it', `${text}}`, /cannot be read/),
  malformed('a key that stands twice', '{"id":"1","id":"2"}', /the key id stands twice/),
  malformed('a key that stands twice, once escaped', '{"id":1,"\\u0069d":2}', /id stands twice/),
  ...[1, 15, 16, 17, 40].map((count) =>
    malformed(
      `a key that stands twice, after ${count} others`,
      twiceAfter(count),
      /k0 stands twice/,
    ),
  ),
  malformed('the key __proto__', '{"__proto__":{"id":"1"}}', /__proto__ is not allowed/),
  malformed('the key __proto__, escaped', '{"\\u005f_proto__":1}', /__proto__ is not allowed/),
  malformed('deep nesting', deep, /nested more than 32 levels deep/),
  malformed('nesting of nothing but brackets', '['.repeat(100_000), /nested more than 32/),
  malformed('U+0000', '{"description":"a\\u0000b"}', /U\+0000/),
  malformed('half of a surrogate pair', '{"description":"\\ud83d"}', /half of a surrogate pair/),
  malformed('a broken escape', '{"description":"\\u00g0"}', /cannot be read/),
  malformed('text that is not UTF-8', latin1, /not UTF-8/),
  malformed('NaN', '{"description":NaN}', /cannot be read/),
  {
    what: 'a body of another type',
    raw: 'amount=1',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    status: 415,
    code: 'unsupported_media_type',
    says: /Send Content-Type: application\/json, not application\/x-www-form-urlencoded/,
  },
  {
    what: 'a compressed body',
    raw: text,
    headers: { ...json, 'content-encoding': 'gzip' },
    status: 415,
    code: 'unsupported_media_type',
    says: /without Content-Encoding/,
  },
  {
    what: 'an Accept that no answer fits',
    body: pay,
    headers: { accept: 'text/csv' },
    status: 406,
    code: 'not_acceptable',
    says: /application\/json/,
  },
]

const keys: Bad[] = ['', 'with space', 'k'.repeat(256), 'ключ'].map((key) => ({
  what: `the Idempotency-Key "${key.slice(0, 20)}" of ${key.length} characters`,
  body: pay,
  headers: { 'idempotency-key': Buffer.from(key).toString('latin1') },
  status: 400,
  code: 'idempotency_key_invalid',
  says: /1 to 255 visible ASCII characters/,
}))

const batch = (transactions: readonly object[], atomic = true) => ({
  path: '/transactions/batch',
  body: { transactions, atomic },
})

const batches: Bad[] = [
  {
    what: 'a batch with one bad item',
    ...batch([pay, transfer('asset:none', 'asset:cash', 1), pay]),
    status: 404,
    code: 'account_not_found',
    says: /Transaction 1 of the batch: There is no account asset:none/,
  },
  {
    what: 'a batch whose second item spends more than the first leaves',
    ...batch([
      transfer('asset:cash', 'equity:capital', 300),
      transfer('asset:cash', 'equity:capital', 300),
    ]),
    status: 422,
    code: 'balance_too_low',
    says: /Transaction 1 of the batch: asset:cash would fall to -100 EUR/,
  },
  {
    what: 'an empty batch',
    ...batch([]),
    status: 400,
    code: 'invalid_request',
    says: /\/transactions: must NOT have fewer than 1 items/,
  },
  {
    what: 'a batch of 1,001 transactions',
    ...batch(Array.from({ length: 1_001 }, () => pay)),
    status: 400,
    code: 'invalid_request',
    says: /\/transactions: must NOT have more than 1000 items/,
  },
  {
    what: 'a batch whose event would be too large',
    ...batch(Array.from({ length: 1_000 }, () => ({ ...pay, description: 'x'.repeat(600) }))),
    status: 413,
    code: 'too_large',
    says: /event of \d+ bytes; 786432 are allowed\. Split it/,
  },
  {
    what: 'two transactions with one id and different content',
    ...batch(
      [100, 101].map((amount) => ({
        ...transfer('equity:capital', 'asset:cash', amount),
        id: '0190163d-8694-739b-aea5-966c26f8ad91',
      })),
    ),
    status: 409,
    code: 'transaction_id_taken',
    says: /Transaction 1 of the batch: Transaction 0190163d-\S+ is there with other content/,
  },
]

const account = (more: object) => ({
  path: '/accounts',
  body: { code: 'asset:new', type: 'asset', currency: 'EUR', ...more },
})

const accounts: Bad[] = [
  {
    what: 'a code that is taken',
    ...account({ code: 'asset:cash' }),
    status: 409,
    code: 'account_code_taken',
    says: /asset:cash is taken\. Choose another/,
  },
  {
    what: 'a currency that nobody knows',
    ...account({ currency: 'XYZ' }),
    status: 422,
    code: 'unknown_currency',
    says: /XYZ is not in ISO 4217, and the book does not declare it/,
  },
  {
    what: 'a type that there is not',
    ...account({ type: 'assets' }),
    status: 400,
    code: 'invalid_request',
    says: /\/type: must be one of asset, liability, equity, income, expense/,
  },
  {
    what: 'a code with a space',
    ...account({ code: 'asset cash' }),
    status: 400,
    code: 'invalid_request',
    says: /\/code: must match .* \(1 to 128 of A-Z a-z 0-9 : \. _ \/ and -,/,
  },
  {
    what: 'a code that looks like an id',
    ...account({ code: randomUUID() }),
    status: 400,
    code: 'invalid_request',
    says: /must not look like an id/,
  },
  {
    what: 'a limit that is a number',
    ...account({ min_balance: 0 }),
    status: 400,
    code: 'amount_not_a_string',
    says: /Amounts are strings/,
  },
  {
    what: 'a minimum above the maximum',
    ...account({ min_balance: '2', max_balance: '1' }),
    status: 400,
    code: 'invalid_request',
    says: /minimum 2 is above the maximum 1/,
  },
  {
    what: 'a limit of 39 digits',
    ...account({ max_balance: '9'.repeat(39) }),
    status: 422,
    code: 'amount_out_of_range',
    says: /at most 38 digits/,
  },
  {
    what: 'a batch of accounts with one code twice',
    path: '/accounts/batch',
    body: { accounts: [account({}).body, account({}).body] },
    status: 409,
    code: 'account_code_taken',
    says: /asset:new is taken/,
  },
]

const books: Bad[] = [
  {
    what: 'a time zone that there is not',
    path: '/v1/books',
    body: { name: 'x', time_zone: 'Europe/Atlantis' },
    status: 400,
    code: 'invalid_request',
    says: /Europe\/Atlantis is not a time zone\. Use an IANA name such as Europe\/Berlin/,
  },
  {
    what: 'another exponent for an ISO currency',
    path: '/v1/books',
    body: { name: 'x', currencies: [{ code: 'EUR', exponent: 3 }] },
    status: 400,
    code: 'invalid_request',
    says: /EUR is an ISO 4217 currency with exponent 2/,
  },
  {
    what: 'a currency declared twice',
    path: '/v1/books',
    body: { name: 'x', currencies: [1, 1].map((exponent) => ({ code: 'MUSD', exponent })) },
    status: 400,
    code: 'invalid_request',
    says: /MUSD is declared twice/,
  },
  {
    what: 'a book without name',
    path: '/v1/books',
    body: {},
    status: 400,
    code: 'invalid_request',
    says: /name is missing/,
  },
]

const read = (path: string, status: number, code: string, says: RegExp): Bad => ({
  what: `GET ${path}`,
  method: 'GET',
  path,
  status,
  code,
  says,
})
const forged = (key: unknown[]) =>
  `cursor=${Buffer.from(JSON.stringify(key)).toString('base64url')}`

const reads: Bad[] = [
  read('/accounts?colour=red', 400, 'unknown_parameter', /colour is not a parameter/),
  read('/reports/trial-balance?limit=5', 400, 'unknown_parameter', /limit is not a parameter/),
  read('/accounts/asset:cash?a=1', 400, 'unknown_parameter', /a is not a parameter/),
  read('/accounts?limit=1&limit=2', 400, 'invalid_request', /limit is given twice/),
  read('/accounts?limit=201', 400, 'invalid_request', /\/limit: must be <= 200/),
  read('/accounts?limit=0', 400, 'invalid_request', /\/limit: must be >= 1/),
  read('/accounts?limit=ten', 400, 'invalid_request', /\/limit: must be integer/),
  read('/accounts?page=0', 400, 'invalid_request', /\/page: must be >= 1/),
  read('/accounts?page=51&limit=200', 400, 'invalid_request', /at most 10000.*cursor/),
  read('/accounts?page=20000', 400, 'invalid_request', /at most 10000.*cursor/),
  read('/accounts?metadata[a key]=x', 400, 'invalid_request', /A key of metadata has 1 to 64 of/),
  read('/accounts?page=2&cursor=x', 400, 'invalid_request', /page or cursor, not both/),
  read('/accounts?cursor=x', 400, 'invalid_cursor', /Take it from meta\.nextCursor/),
  read(`/accounts?${forged(['x', 'a', 'b'])}`, 400, 'invalid_cursor', /meta\.nextCursor/),
  read('/accounts?sort=colour', 400, 'invalid_request', /\/sort: must be one of code, -code/),
  read('/accounts?status=gone', 400, 'invalid_request', /open, frozen, closed/),
  read('/accounts?code=%00', 400, 'invalid_request', /U\+0000/),
  read('/accounts?metadata[k]=%00', 400, 'invalid_request', /U\+0000/),
  read('/accounts/%00', 400, 'invalid_request', /U\+0000/),
  read('/accounts/asset:none', 404, 'account_not_found', /no account asset:none/),
  read('/accounts/asset:none/entries', 404, 'account_not_found', /no account asset:none/),
  read('/accounts/asset:none/balance', 404, 'account_not_found', /no account asset:none/),
  read('/transactions?account=asset:none', 404, 'account_not_found', /no account asset:none/),
  read('/transactions/7', 404, 'transaction_not_found', /no transaction 7/),
  read('/transactions/%00', 400, 'invalid_request', /U\+0000/),
  read(`/transactions/${randomUUID()}`, 404, 'transaction_not_found', /no transaction/),
  ...['2024-02-30', '0000-12-31', '0001-01-01T00:00:00+14:00', '9999-12-31T23:00:00-12:00'].flatMap(
    (date) =>
      [
        '/accounts/asset:cash/balance?effective_at=',
        '/reports/trial-balance?effective_at=',
        '/accounts/asset:cash/entries?effective_at[gte]=',
        '/transactions?effective_at[lt]=',
        '/accounts?created_at[gte]=',
      ].map((path) =>
        read(`${path}${encodeURIComponent(date)}`, 400, 'invalid_request', /must be a date/),
      ),
  ),
  read('/%E0%A4%A', 400, 'invalid_request', /broken percent-encoding/),
  ...['/v1/books/7', `/v1/books/${randomUUID()}`].flatMap((path) =>
    ['', '/accounts', '/transactions', '/reports/trial-balance'].map((below) =>
      read(`${path}${below}`, 404, 'book_not_found', /no such book/),
    ),
  ),
  ...['/v1/books/7', `/v1/books/${randomUUID()}`].map(
    (path): Bad => ({
      what: `POST ${path}/transactions`,
      path: `${path}/transactions`,
      body: pay,
      status: 404,
      code: 'book_not_found',
      says: /no such book/,
    }),
  ),
  {
    what: 'a Daybook-Min-Revision that is no number',
    method: 'GET',
    path: '/accounts',
    headers: { 'daybook-min-revision': 'latest' },
    status: 400,
    code: 'invalid_request',
    says: /Daybook-Min-Revision is the Daybook-Revision of a write/,
  },
  {
    what: 'a Daybook-Min-Revision that is far away',
    method: 'GET',
    path: '/accounts',
    headers: { 'daybook-min-revision': '1000000' },
    status: 503,
    code: 'not_yet_visible',
    says: /has not reached Daybook-Min-Revision yet\. Try again/,
  },
  read(`/v1/operations/${randomUUID()}`, 404, 'operation_not_found', /no operation with this id/),
  read('/v1/projections/none/failures', 404, 'projection_not_found', /no projection of this name/),
  read('/nothing', 404, 'route_not_found', /nothing at this address. See \/openapi\.json/),
  read('/v2/books', 404, 'route_not_found', /nothing at this address/),
  {
    what: 'PUT of a transaction',
    method: 'PUT',
    path: `/transactions/${randomUUID()}`,
    body: {},
    status: 405,
    code: 'method_not_allowed',
    says: /See the Allow header/,
    allow: 'GET',
  },
  {
    what: 'DELETE of the list of transactions',
    method: 'DELETE',
    path: '/transactions',
    status: 405,
    code: 'method_not_allowed',
    says: /See the Allow header/,
    allow: 'POST',
  },
]

const send = (rest: Rest, book: TestBook, bad: Bad, more: Record<string, string> = {}) => {
  const { method = 'POST', path = '/transactions', body, raw, headers } = bad
  const address = path.startsWith('/v') ? path : `${book.path}${path}`
  const isJson = body !== undefined && raw === undefined
  const content = raw ?? (body === undefined ? null : JSON.stringify(body))
  return rest.send(method, address, content, { ...(isJson && json), ...headers, ...more })
}

const assertRefused = (
  answer: Answer,
  { status, code, says }: Pick<Bad, 'status' | 'code' | 'says'>,
) => {
  assert.equal(answer.status, status, answer.text)
  assert.equal(answer.error.code, code, answer.text)
  assert.match(answer.error.message, says)
  assert.ok(Array.isArray(answer.error.details))
  assert.deepEqual(Object.keys(JSON.parse(answer.text)), ['error'])
  assert.match(answer.headers.get('content-type') ?? '', /^application\/json/)
  assert.ok(answer.headers.get('x-request-id'))
  if (status === 503) assert.equal(answer.headers.get('retry-after'), '1')
  if (status === 401) assert.equal(answer.headers.get('www-authenticate'), 'Bearer')
}

const openTestBook = async ({ rest }: Daybook): Promise<TestBook> => {
  const book = await openBook(rest)
  await openAccounts(book, ['asset:cash'], { min_balance: '0' })
  await openAccounts(book, ['asset:capped'], { max_balance: '1000' })
  await openAccounts(book, ['equity:capital'])
  await openAccounts(book, ['asset:dollars'], { currency: 'USD' })
  const paid = await book.post('/transactions', transfer('equity:capital', 'asset:cash', 500))
  assert.equal(paid.status, 201, paid.text)
  return book
}

/** All that the event store and the API tell of a book. */
const stateOf = async (running: Daybook, book: TestBook) => {
  const events = (await eventsOf(running, book.id)).length
  book.revision = events - 1
  const trialBalance = await book.get('/reports/trial-balance')
  return { events, trialBalance: trialBalance.data, accounts: await book.list('/accounts') }
}

const tables = { transactions, bodies, keys, batches, accounts, books, reads }
for (const [name, table] of Object.entries(tables)) {
  describe(`bad input (${name}) is refused and leaves nothing`, () => {
    let running: Daybook
    let book: TestBook
    let before: unknown
    beforeEach(async () => {
      running = await daybook()
      book ??= await openTestBook(running)
      before ??= await stateOf(running, book)
    })

    for (const bad of table) {
      it(`${bad.what}: ${bad.status} ${bad.code}`, async () => {
        const answer = await send(running.rest, book, bad)
        assertRefused(answer, bad)
        if (bad.allow) assert.ok(answer.headers.get('allow')?.includes(bad.allow))
        assert.deepEqual(await stateOf(running, book), before)
      })
    }
  })
}

describe('what cannot be taken', () => {
  let running: Daybook
  let book: TestBook
  before(async () => {
    running = await daybook()
    book = await openTestBook(running)
  })
  const state = () => stateOf(running, book)

  it('is told as problem+json to those who ask for it', async () => {
    for (const bad of [...transactions.slice(0, 4), ...reads.slice(0, 2)]) {
      const headers = { accept: 'application/problem+json, application/json' }
      const answer = await send(running.rest, book, bad, headers)
      assert.equal(answer.status, bad.status)
      assert.match(answer.headers.get('content-type') ?? '', /^application\/problem\+json/)
      const problem = JSON.parse(answer.text)
      assert.equal(problem.type, `urn:daybook:${bad.code}`)
      assert.equal(problem.status, bad.status)
      assert.equal(problem.code, bad.code)
      assert.match(problem.detail, bad.says)
      assert.equal(typeof problem.title, 'string')
      assert.ok(Array.isArray(problem.details))
    }
  })

  it('is a second transaction with the id of a first and other content', async () => {
    const id = randomUUID()
    const first = await book.post('/transactions', { ...dated('2024-02-29'), id })
    assert.equal(first.status, 201)
    const before = await state()
    const others = [
      { ...dated('2024-02-29'), ...transfer('equity:capital', 'asset:cash', 101) },
      dated('2024-02-28'),
      { ...dated('2024-02-29'), description: 'other' },
      { ...dated('2024-02-29'), metadata: { other: 'yes' } },
      { ...dated('2024-02-29'), ...transfer('equity:capital', 'asset:capped', 100) },
    ]
    for (const other of others) {
      const answer = await book.post('/transactions', { ...other, id: id.toUpperCase() })
      const says = /is there with other content/
      assertRefused(answer, { status: 409, code: 'transaction_id_taken', says })
    }
    assert.deepEqual(await state(), before)
  })

  it('is a key that was used with another body, and the first answer stands', async () => {
    const headers = { 'idempotency-key': randomUUID() }
    const first = await book.post('/transactions', pay, headers)
    const before = await state()
    for (const other of [
      transfer('equity:capital', 'asset:cash', 1),
      { ...pay, description: '' },
    ]) {
      const says = /was used with another body\. Use a new key/
      const answer = await book.post('/transactions', other, headers)
      assertRefused(answer, { status: 422, code: 'idempotency_key_reused', says })
    }
    const again = await book.post('/transactions', pay, headers)
    assert.equal(again.text, first.text)
    assert.deepEqual(await state(), before)
  })

  it('leaves its key free when it could never be taken as it is', async () => {
    const before = await state()
    const mended = transactions.filter(({ status, code }) => {
      return status === 400 || code === 'too_few_entries'
    })
    for (const bad of mended.slice(0, 12)) {
      assertRefused(await send(running.rest, book, bad, { 'idempotency-key': 'mended' }), bad)
    }
    assert.deepEqual(await state(), before)
    const answer = await book.post('/transactions', pay, { 'idempotency-key': 'mended' })
    assert.equal(answer.status, 201, answer.text)
  })
})

describe('a refusal under a key', () => {
  const state: (Bad & { readonly remedy: { path: string; body: object } })[] = [
    {
      what: 'for too low a balance, though money has come',
      ...post(transfer('asset:cash', 'equity:capital', 10)),
      remedy: { path: '/transactions', body: transfer('equity:capital', 'asset:cash', 1_000) },
      status: 422,
      code: 'balance_too_low',
      says: /would fall to -10/,
    },
    {
      what: 'for an account that was not there, though it was opened',
      ...post(transfer('equity:capital', 'asset:later', 10)),
      remedy: account({ code: 'asset:later' }),
      status: 404,
      code: 'account_not_found',
      says: /no account asset:later/,
    },
    {
      what: 'for a batch of which one item could not be',
      ...batch([pay, transfer('equity:capital', 'asset:late', 10)]),
      remedy: account({ code: 'asset:late' }),
      status: 404,
      code: 'account_not_found',
      says: /Transaction 1 of the batch/,
    },
  ]

  for (const bad of state) {
    it(`stays ${bad.what}`, async () => {
      const running = await daybook()
      const book = await openBook(running.rest)
      await openAccounts(book, ['asset:cash'], { min_balance: '0' })
      await openAccounts(book, ['equity:capital'])
      const key = { 'idempotency-key': randomUUID() }
      const first = await send(running.rest, book, bad, key)
      assertRefused(first, bad)
      assert.equal(first.headers.get('idempotent-replayed'), null)
      const refusals = (await eventsOf(running, book.id)).filter(
        ({ type }) => type === 'CommandRefused',
      )
      assert.equal(refusals.length, 1)
      assert.equal(refusals[0]?.revision, revisionOf(first))

      const mended = await book.post(bad.remedy.path, bad.remedy.body)
      assert.equal(mended.status, 201, mended.text)
      const events = (await eventsOf(running, book.id)).length
      for (let twin = 0; twin < 3; twin++) {
        const late = await send(running.rest, book, bad, key)
        assert.equal(late.text, first.text)
        assert.equal(late.status, first.status)
        assert.equal(late.headers.get('daybook-revision'), first.headers.get('daybook-revision'))
        assert.equal(late.headers.get('idempotent-replayed'), 'true')
      }
      assert.equal((await eventsOf(running, book.id)).length, events)
      const fresh = await send(running.rest, book, bad, { 'idempotency-key': randomUUID() })
      assert.equal(fresh.status, 201, fresh.text)
    })
  }
})

describe('a token', () => {
  let running: Daybook
  before(async () => {
    running = await daybook()
  })

  const resigned = (change: object, secret = jwtSecret, algorithm: jwt.Algorithm = 'HS256') => {
    const { payload } = jwt.decode(running.token, { complete: true }) as { payload: object }
    const claims = Object.entries({ ...payload, ...change }).filter(([, v]) => v !== undefined)
    return jwt.sign(Object.fromEntries(claims), secret, { algorithm, keyid: '1' })
  }
  const base64 = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const now = () => Math.floor(Date.now() / 1000)

  it('of our own making is taken, so that what is refused is refused for its fault', async () => {
    const answer = await restClient(running.rest.url, resigned({})).get('/v1/books')
    assert.equal(answer.status, 200, answer.text)
  })

  const broken: [what: string, make: () => string][] = [
    ['cut off', () => running.token.slice(0, -5)],
    ['with a claim changed', () => running.token.replace(/\.\w/, '.X')],
    ['of another secret', () => resigned({}, 'another secret of more than 32 bytes')],
    ['of another algorithm', () => resigned({}, jwtSecret, 'HS512')],
    [
      'of the algorithm none',
      () => {
        const [, payload] = running.token.split('.')
        return `${base64({ alg: 'none', typ: 'JWT' })}.${payload}.`
      },
    ],
    ['of another issuer', () => resigned({ iss: 'somebody' })],
    ['for another audience', () => resigned({ aud: 'something' })],
    ['without an end', () => resigned({ exp: undefined })],
    ['without a subject', () => resigned({ sub: undefined })],
    ['with a role that there is not', () => resigned({ role: 'root' })],
    ['that is no token', () => 'abc'],
    ['that is not valid yet', () => resigned({ nbf: now() + 600 })],
  ]
  for (const [what, make] of broken) {
    it(`${what} is refused`, async () => {
      const answer = await restClient(running.rest.url, make()).get('/v1/books')
      assertRefused(answer, { status: 401, code: 'unauthenticated', says: /Bearer <token>/ })
    })
  }

  it('that has expired is refused, and says so', async () => {
    const old = resigned({ iat: now() - 1000, exp: now() - 1 })
    const answer = await restClient(running.rest.url, old).get('/v1/books')
    assertRefused(answer, { status: 401, code: 'token_expired', says: /Log in again/ })
  })

  it('is needed everywhere below /v1 but to log in, and stores nothing without', async () => {
    const nobody = restClient(running.rest.url, null)
    const book = await openBook(running.rest)
    const answers = [
      await nobody.get('/v1/books'),
      await nobody.post('/v1/books', { name: 'x' }),
      await nobody.post(`${book.path}/accounts`, {}),
      await nobody.get(`${book.path}/accounts`),
      await nobody.post(`${book.path}/transactions`, pay),
      await nobody.get(book.path, { authorization: 'Basic YTpi' }),
    ]
    for (const answer of answers) {
      const says = /POST \/v1\/auth\/login gives one/
      assertRefused(answer, { status: 401, code: 'unauthenticated', says })
    }
    assert.equal((await eventsOf(running, book.id)).length, 1)
  })

  it('is not given for a wrong password or e-mail, and both are told alike', async () => {
    const nobody = restClient(running.rest.url, null)
    const wrong = [
      { email: 'admin@example.com', password: 'wrong' },
      { email: 'nobody@example.com', password: 'a password for tests' },
    ]
    const [one, other] = [
      await nobody.post('/v1/auth/login', wrong[0]),
      await nobody.post('/v1/auth/login', wrong[1]),
    ]
    const says = /e-mail or the password is wrong/
    assertRefused(one, { status: 401, code: 'unauthenticated', says })
    assert.equal(one.text, other.text)
  })
})

describe('a body that is too large', () => {
  const limit = 2 * 1024 * 1024

  const start = async (length: number | null) => {
    const { rest, token } = await daybook()
    const headers = {
      'content-type': 'application/json',
      authorization: `Bearer ${token}`,
      ...(length === null ? { 'transfer-encoding': 'chunked' } : { 'content-length': length }),
    }
    const request = http.request(`${rest.url}/v1/books`, { method: 'POST', headers })
    const answer = new Promise<{ status: number; text: string }>((resolve, reject) => {
      request.once('error', reject)
      request.once('response', (response) => {
        response.setEncoding('utf8')
        let text = ''
        response.on('data', (chunk: string) => (text += chunk))
        response.once('end', () => resolve({ status: response.statusCode ?? 0, text }))
      })
    })
    return { request, answer }
  }

  const assertTooLarge = ({ status, text }: { status: number; text: string }) => {
    assert.equal(status, 413)
    assert.equal(JSON.parse(text).error.code, 'too_large')
    assert.match(JSON.parse(text).error.message, /at most 2097152 bytes\. Split the batch/)
  }

  it('is refused before it is read, if it says how large it is', async () => {
    const { request, answer } = await start(limit + 1)
    request.flushHeaders()
    assertTooLarge(await answer)
    request.destroy()
  })

  it('is refused as soon as it has become too large, if it does not say', async () => {
    const { request, answer } = await start(null)
    request.write(Buffer.alloc(limit + 1, ' '))
    assertTooLarge(await answer)
    request.destroy()
  })
})

describe('a body whose caller goes away before its end', () => {
  it('is given up, and its request with it', async () => {
    const { rest, token } = await daybook()
    const givenUp = async (): Promise<number> => {
      const metrics = await (await fetch(`${rest.url}/metrics`)).text()
      const given = 'method="POST",route="POST /v1/users",status="404"'
      const line = metrics.split('\n').find((one) => one.includes(`seconds_count{${given}}`))
      return Number(line?.split(' ').at(-1) ?? 0)
    }
    const before = await givenUp()
    const { port } = new URL(rest.url)
    const head = [
      'POST /v1/users HTTP/1.1',
      'Host: localhost',
      `Authorization: Bearer ${token}`,
      'Content-Type: application/json',
      'Content-Length: 100',
    ]
    const socket = connect(Number(port), '127.0.0.1')
    socket.write(`${head.join('\r\n')}\r\n\r\n{"email":`, () => socket.destroy())
    while ((await givenUp()) === before) await sleep(5)
  })
})
