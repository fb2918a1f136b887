import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { LocalServer } from '../../src/local/child.ts'
import { ledger } from '../../src/projections/ledger/ledger.ts'
import { untyped } from '../../src/projections/projection.ts'
import { buildSchema } from '../../src/runtime/projections/build.ts'
import { loadOf } from '../load/ask-load.ts'
import { makeTransaction } from '../load/requests.ts'
import type { Stack } from './stack.ts'

export type Book = {
  readonly id: string
  readonly accounts: readonly string[]
}

/** Of the first build, which is the live one here. */
export const ledgerSchema = buildSchema(untyped(ledger), 1)
const accountCount = 1_000

/** A new book of a thousand accounts, made as a client would. This API will write it. */
export const openBook = async (stack: Stack, api = 'api'): Promise<Book> => {
  const book = await post(stack, '/v1/books', { name: `bench-${randomUUID()}` }, api)
  const { id } = book as { id: string }
  const accounts = Array.from({ length: accountCount }, (_, index) => ({
    code: `account:${index}`,
    type: index % 2 === 0 ? 'asset' : 'liability',
    currency: 'EUR',
    min_balance: '-99999999999999',
  }))
  const opened = await post(stack, `/v1/books/${id}/accounts/batch`, { accounts }, api)
  return { id, accounts: (opened as { id: string }[]).map((account) => account.id) }
}

const post = async (
  { servers, token }: Stack,
  path: string,
  body: object,
  api = 'api',
): Promise<unknown> => {
  const response = await fetch(`${servers[api]?.url}${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  const answer = (await response.json()) as { data: unknown }
  if (response.status !== 201) throw new Error(`${path}: ${JSON.stringify(answer)}`)
  return answer.data
}

/** The book's last revision, by a question that the log itself answers. */
const headOf = async ({ servers, token }: Stack, { id }: Book): Promise<number> => {
  const response = await fetch(`${servers['api']?.url}/v1/books/${id}/transactions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ entries: [] }),
  })
  await response.arrayBuffer()
  return Number(response.headers.get('daybook-revision'))
}

/** Waits until the worker has folded all that the book has. */
export const untilFolded = async (stack: Stack, book: Book): Promise<void> => {
  const head = await headOf(stack, book)
  for (;;) {
    const { rows } = await stack.pool.query(
      `select revision::int from ${ledgerSchema}.checkpoint where book_id = $1`,
      [book.id],
    )
    if ((rows[0]?.revision ?? -1) >= head) return
    await sleep(20)
  }
}

/** A folded book whose log holds batches: revision 0 opens it, 1 its accounts, the rest are these. */
export const batchedBook = async (stack: Stack, count: number, size: number): Promise<Book> => {
  const book = await openBook(stack)
  const { accounts } = book
  for (let batch = 0; batch < count; batch++) {
    const transactions = Array.from({ length: size }, (_, index) => {
      const from = accounts[(batch * 7 + index) % accounts.length] as string
      const to = accounts[(batch * 13 + index * 3 + 1) % accounts.length] as string
      return makeTransaction(from, from === to ? (accounts[0] as string) : to)
    }).filter(({ entries: [debit, credit] }) => debit?.account !== credit?.account)
    await post(stack, `/v1/books/${book.id}/transactions/batch`, { transactions })
  }
  await untilFolded(stack, book)
  return book
}

const stretchMs = 15_000

/** A folded book whose log holds single posts: so many, or what can be made in one stretch. */
export const singleBook = async (stack: Stack, wanted: number | null): Promise<Book> => {
  const book = await openBook(stack)
  const { token } = stack
  const asked = { kind: 'single', hotShare: 0, token, bookId: book.id, ...book } as const
  let made = 0
  do {
    const most = wanted === null ? Number.MAX_SAFE_INTEGER : wanted - made
    const load = { clients: 64, ms: stretchMs, most, asked }
    made += (await loadOf(stack, stack.servers['api'] as LocalServer, load)).count
    if (wanted !== null) console.error(`${made} of ${wanted} single posts made`)
  } while (made < (wanted ?? 0))
  await untilFolded(stack, book)
  return book
}
