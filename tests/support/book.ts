import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { AccountResource, BookResource } from '../../src/queries/resources.ts'
import { type Answer, getWhenVisible, listAll, type Rest, revisionOf } from './rest.ts'

/** A book of a test's own. Reads show at least what was written through it before. */
export type TestBook = {
  readonly id: string
  readonly path: string
  readonly rest: Rest
  /** Of the last write. */
  revision: number
  readonly get: <Data>(path: string) => Promise<Answer<Data>>
  readonly list: <Item>(path: string) => Promise<Item[]>
  readonly post: <Data>(
    path: string,
    body: unknown,
    headers?: Record<string, string>,
  ) => Promise<Answer<Data>>
  readonly write: <Data>(
    method: string,
    path: string,
    body: unknown,
    headers?: Record<string, string>,
  ) => Promise<Answer<Data>>
}

export const openBook = async (rest: Rest, body: object = {}): Promise<TestBook> => {
  const opened = await rest.post<BookResource>('/v1/books', { name: randomUUID(), ...body })
  assert.equal(opened.status, 201, opened.text)
  return toBook(rest, opened.data.id, revisionOf(opened))
}

export const toBook = (rest: Rest, id: string, revision: number): TestBook => {
  const path = `/v1/books/${id}`
  const book: TestBook = {
    id,
    path,
    rest,
    revision,
    get: (below) => getWhenVisible(rest, `${path}${below}`, book.revision),
    list: (below) => listAll((one) => getWhenVisible(rest, one, book.revision), `${path}${below}`),
    post: (below, body, headers) => book.write('POST', below, body, headers),
    write: async (method, below, body, headers) => {
      const answer = await rest.write<never>(method, `${path}${below}`, body, headers)
      const seen = answer.headers.get('daybook-revision')
      if (seen !== null) book.revision = Math.max(book.revision, Number(seen))
      return answer
    },
  }
  return book
}

/** Opens accounts named like `asset:cash`, whose first segment is their type. */
export const openAccounts = async (
  book: TestBook,
  codes: readonly string[],
  more: object = {},
): Promise<AccountResource[]> => {
  const accounts = codes.map((code) => ({
    code,
    type: code.split(':')[0],
    currency: 'EUR',
    ...more,
  }))
  const opened = await book.post<AccountResource[]>('/accounts/batch', { accounts })
  assert.equal(opened.status, 201, opened.text)
  return opened.data
}

export const transfer = (from: string, to: string, amount: number | bigint | string) => ({
  transfers: [{ from, to, amount: String(amount) }],
})

/** A book with two accounts that cannot be overdrawn, of which `asset:cash` has so much. */
export const openFundedBook = async (rest: Rest, amount: number): Promise<TestBook> => {
  const book = await openBook(rest)
  await openAccounts(book, ['asset:cash', 'asset:bank'], { min_balance: '0' })
  await openAccounts(book, ['equity:world'])
  if (amount > 0) await book.post('/transactions', transfer('equity:world', 'asset:cash', amount))
  return book
}
