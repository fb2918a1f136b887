import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { daybook } from '../support/daybook.ts'
import { type Answer, type Rest, restClient } from '../support/rest.ts'

type User = { readonly id: string; readonly rest: Rest }

const password = 'correct horse battery'
const account = { code: 'assets:cash', type: 'asset', currency: 'EUR' }

const addUser = async (): Promise<User> => {
  const { rest } = await daybook()
  const email = `${randomUUID()}@example.org`
  const added = await rest.post<{ id: string }>('/v1/users', { email, password })
  assert.equal(added.status, 201)
  const login = { email: email.toUpperCase(), password }
  const { data } = await restClient(rest.url, null).post<{ token: string }>('/v1/auth/login', login)
  return { id: added.data.id, rest: restClient(rest.url, data.token) }
}

const put = (rest: Rest, path: string, body: unknown) =>
  rest.send('PUT', path, JSON.stringify(body), { 'content-type': 'application/json' })

const revisionOf = ({ headers }: Answer) => headers.get('daybook-revision') as string

const isRefused = (answer: Answer, status: number, code: string) =>
  assert.deepEqual([answer.status, answer.error?.code], [status, code])

describe('members of a book', () => {
  let owner: User
  let other: User
  let book: string
  let revision: string

  const read = (user: User, path = '') =>
    user.rest.get(`${book}${path}`, { 'daybook-min-revision': revision })

  const setRole = async (role: string, by = owner, user = other) => {
    const answer = await put(by.rest, `${book}/members/${user.id}`, { role })
    if (answer.status === 200) revision = revisionOf(answer)
    return answer
  }

  beforeEach(async () => {
    owner = await addUser()
    other = await addUser()
    const opened = await owner.rest.post<{ id: string }>('/v1/books', { name: 'a book' })
    assert.equal(opened.status, 201)
    book = `/v1/books/${opened.data.id}`
    revision = revisionOf(opened)
  })

  it('are its opener, as the owner, at first', async () => {
    const { data } = await read(owner, '/members')
    const [member] = data as { user_id: string; role: string }[]
    assert.deepEqual([member?.user_id, member?.role], [owner.id, 'owner'])
  })

  it('alone see it: for others it is not there', async () => {
    assert.equal((await read(owner)).status, 200)
    isRefused(await read(other), 404, 'book_not_found')
    isRefused(await read(other, '/accounts'), 404, 'book_not_found')
    isRefused(await read(other, '/events'), 404, 'book_not_found')
    const written = await other.rest.post(`${book}/accounts`, account)
    isRefused(written, 404, 'book_not_found')
    isRefused(await setRole('owner', other, other), 404, 'book_not_found')
    const { data } = await other.rest.get<unknown[]>('/v1/books')
    assert.deepEqual(data, [])
  })

  it('read it as analysts, write into it as bookkeepers, and rule it as owners', async () => {
    for (const [role, mayWrite, mayRule] of [
      ['analyst', false, false],
      ['bookkeeper', true, false],
      ['owner', true, true],
    ] as const) {
      assert.equal((await setRole(role)).status, 200)
      assert.equal((await read(other)).status, 200)
      const listed = await other.rest.get<{ id: string }[]>('/v1/books')
      assert.deepEqual(
        listed.data.map(({ id }) => `/v1/books/${id}`),
        [book],
      )
      const written = await other.rest.post(`${book}/accounts`, { ...account, code: role })
      if (mayWrite) assert.equal(written.status, 201)
      else isRefused(written, 403, 'forbidden')
      const ruled = await setRole('analyst', other, owner)
      if (mayRule) assert.equal(ruled.status, 200)
      else isRefused(ruled, 403, 'forbidden')
    }
  })

  it('leave no trace with what they may not do, even under a key', async () => {
    await setRole('analyst')
    const headers = { 'idempotency-key': randomUUID() }
    isRefused(await other.rest.post(`${book}/accounts`, account, headers), 403, 'forbidden')
    await setRole('bookkeeper')
    assert.equal((await other.rest.post(`${book}/accounts`, account, headers)).status, 201)
  })

  it('lose sight of it when they are removed, also of what was cached', async () => {
    await setRole('analyst')
    assert.equal((await read(other)).status, 200)
    const removed = await owner.rest.send('DELETE', `${book}/members/${other.id}`)
    assert.deepEqual([removed.status, removed.text], [204, ''])
    revision = revisionOf(removed)
    isRefused(await read(other), 404, 'book_not_found')
    isRefused(
      await owner.rest.send('DELETE', `${book}/members/${other.id}`),
      404,
      'member_not_found',
    )
  })

  it('always have an owner among them', async () => {
    isRefused(await setRole('analyst', owner, owner), 409, 'last_owner')
    isRefused(await owner.rest.send('DELETE', `${book}/members/${owner.id}`), 409, 'last_owner')
    await setRole('owner')
    assert.equal((await setRole('analyst', owner, owner)).status, 200)
  })

  it('are users that exist', async () => {
    const nobody = { ...other, id: randomUUID() }
    isRefused(await setRole('analyst', owner, nobody), 404, 'user_not_found')
  })
})

describe('users', () => {
  it('are added by administrators only, once an e-mail, and log in', async () => {
    const { rest } = await daybook()
    const user = await addUser()
    const body = { email: `${randomUUID()}@example.org`, password }
    isRefused(await user.rest.post('/v1/users', body), 403, 'forbidden')
    isRefused(await user.rest.get('/v1/users'), 403, 'forbidden')
    assert.equal((await rest.post('/v1/users', body)).status, 201)
    const again = { ...body, email: body.email.toUpperCase() }
    isRefused(await rest.post('/v1/users', again), 409, 'email_taken')
    isRefused(await rest.post('/v1/users', { ...body, password: 'short' }), 400, 'invalid_request')
    const wrong = { ...body, password: 'correct horse batterz' }
    isRefused(await rest.post('/v1/auth/login', wrong), 401, 'unauthenticated')
  })

  it('are listed page by page, never with their passwords', async () => {
    const { rest } = await daybook()
    const ids = new Set([(await addUser()).id, (await addUser()).id])
    let path = '/v1/users?limit=1'
    for (let cursor: string | null = ''; cursor !== null; ) {
      const { data, meta, text } = await rest.get<{ id: string }[]>(path)
      assert.ok(!text.includes('hash'))
      for (const { id } of data) ids.delete(id)
      cursor = meta.nextCursor
      path = `/v1/users?limit=1&cursor=${cursor}`
    }
    assert.equal(ids.size, 0)
  })
})
