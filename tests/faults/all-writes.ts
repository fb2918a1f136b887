import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { type TestBook, toBook } from '../support/book.ts'
import type { Rest } from '../support/rest.ts'
import {
  bodyOf,
  definitionOf,
  firstAccounts,
  holdOf,
  methodOf,
  move,
  type Plan,
  pathOf,
  periodOf,
  planOf,
  settlementOf,
} from './plans.ts'
import type { Random } from './random.ts'

type Request = { readonly method: string; readonly path: string; readonly body: unknown }

/** Opens books and writes to them whatever can be written, one command after the other. */
export type Writes = {
  readonly books: readonly TestBook[]
  /** Resolves when it is answered. */
  readonly next: () => Promise<void>
}

const bookCount = 3
const userCount = 3

export const openWrites = async (rest: Rest, random: Random): Promise<Writes> => {
  const create = async (path: string, body: object): Promise<string> => {
    const { status, data, text } = await rest.post<{ id: string }>(path, body)
    assert.equal(status, 201, text)
    return data.id
  }
  const users: string[] = []
  while (users.length < userCount) {
    const email = `${randomUUID()}@example.com`
    users.push(await create('/v1/users', { email, password: 'a password for tests' }))
  }
  const books: TestBook[] = []
  const currencies = [{ code: 'MUSD', exponent: 0 }]
  while (books.length < bookCount) {
    const book = toBook(rest, await create('/v1/books', { name: randomUUID(), currencies }), 0)
    const opened = await book.post('/accounts/batch', { accounts: firstAccounts })
    assert.equal(opened.status, 201, opened.text)
    books.push(book)
  }
  /** Transactions that were pending once, by book. */
  const holds = new Map<TestBook, string[]>(books.map((book) => [book, []]))
  let count = 0

  const requestOf = (book: TestBook, number: number): Request => {
    const known = holds.get(book) as string[]
    const kinds = {
      any: 40,
      batch: 30,
      hold: 10,
      settle: 10,
      define: 8,
      period: 2,
      member: 3,
      note: 3,
    }
    const kind = random.weighted(kinds)
    if (kind === 'member') return memberChange(random, random.pick(users))
    if (kind === 'batch') return batchOf(random, number)
    if (known.length > 0 && kind === 'note') return noteOn(random, random.pick(known))
    if (known.length > 0 && kind === 'settle') {
      return toRequest(settlementOf(random, random.pick(known)))
    }
    if (kind === 'define') return toRequest(definitionOf(random))
    if (kind === 'period') return toRequest(periodOf(random))
    if (kind === 'any') return toRequest(planOf(random, number))
    const plan = holdOf(random, number)
    if (plan.kind === 'post' && plan.posting.id) known.push(plan.posting.id)
    return toRequest(plan)
  }

  const next = async (): Promise<void> => {
    const book = random.pick(books)
    const { method, path, body } = requestOf(book, count++)
    const key = { 'idempotency-key': randomUUID() }
    // The writer may need Postgres for old lookups; while that is away it says so, and is asked again.
    for (;;) {
      const { status, text } = await book.write(method, path, body ?? null, key)
      if (status < 500) return
      assert.equal(status, 503, text)
      await sleep(200)
    }
  }
  return { books, next }
}

const toRequest = (plan: Plan): Request => ({
  method: methodOf(plan),
  path: pathOf(plan),
  body: bodyOf(plan),
})

const memberChange = (random: Random, user: string): Request => {
  const isEnd = random.chance(0.3)
  const role = random.pick(['owner', 'bookkeeper', 'analyst'])
  return {
    method: isEnd ? 'DELETE' : 'PUT',
    path: `/members/${user}`,
    body: isEnd ? null : { role },
  }
}

const noteOn = (random: Random, transaction: string): Request => ({
  method: 'PATCH',
  path: `/transactions/${transaction}`,
  body: { metadata: { note: `note ${random.int(0, 99)}` } },
})

const dayMs = 86_400_000

/** Each for itself: some are late, some lie ahead, some have a reference that may be taken. */
const batchOf = (random: Random, number: number): Request => {
  const transactions = Array.from({ length: random.int(1, 60) }, (_, item) => {
    const days = random.int(-400, 3)
    const at = new Date(Date.now() + days * dayMs).toISOString()
    return {
      metadata: { command: String(number), item: String(item) },
      entries: move(`a:${random.int(0, 11)}`, `a:${random.int(12, 23)}`, random.int(1, 9_999)),
      ...(random.chance(0.5) && { effective_at: at, on_closed_period: 'roll_forward' }),
      ...(random.chance(0.3) && { reference: `reference ${random.int(0, 2_000)}` }),
    }
  })
  return { method: 'POST', path: '/transactions/batch', body: { transactions, atomic: false } }
}
