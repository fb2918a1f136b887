import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { ledger } from '../../src/projections/ledger/ledger.ts'
import { schemaOf } from '../../src/projections/projection.ts'
import type { Stack } from './stack.ts'

export type Book = {
  readonly id: string
  readonly accounts: readonly string[]
}

export const ledgerSchema = schemaOf(ledger)
const accountCount = 1_000

/** A new book of a thousand accounts, made as a client would. */
export const openBook = async (stack: Stack): Promise<Book> => {
  const book = await post(stack, '/v1/books', { name: `bench-${randomUUID()}` })
  const { id } = book as { id: string }
  const accounts = Array.from({ length: accountCount }, (_, index) => ({
    code: `account:${index}`,
    type: index % 2 === 0 ? 'asset' : 'liability',
    currency: 'EUR',
    min_balance: '-99999999999999',
  }))
  const opened = await post(stack, `/v1/books/${id}/accounts/batch`, { accounts })
  return { id, accounts: (opened as { id: string }[]).map((account) => account.id) }
}

const post = async ({ servers, token }: Stack, path: string, body: object): Promise<unknown> => {
  const response = await fetch(`${servers['api']?.url}${path}`, {
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
