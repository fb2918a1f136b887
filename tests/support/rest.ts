import { setTimeout as sleep } from 'node:timers/promises'
import { meetCode } from './met-codes.ts'

export type Problem = {
  readonly code: string
  readonly message: string
  readonly details: readonly Readonly<Record<string, unknown>>[]
}

export type Meta = {
  readonly page?: number
  readonly limit: number
  readonly total: number | null
  readonly totalPages: number | null
  readonly nextCursor: string | null
}

/** What came back, with its body as text and, where it is an envelope, its parts. */
export type Answer<Data = unknown> = {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  readonly data: Data
  readonly meta: Meta
  readonly error: Problem
}

type Headings = Readonly<Record<string, string>>

export type Rest = {
  readonly url: string
  /** The body as it is: text, bytes, or nothing. */
  readonly send: <Data>(
    method: string,
    path: string,
    body?: string | Uint8Array<ArrayBuffer> | null,
    headers?: Headings,
  ) => Promise<Answer<Data>>
  readonly get: <Data>(path: string, headers?: Headings) => Promise<Answer<Data>>
  readonly post: <Data>(path: string, body: unknown, headers?: Headings) => Promise<Answer<Data>>
  /** A body as JSON, by any method; null: none. */
  readonly write: <Data>(
    method: string,
    path: string,
    body: unknown,
    headers?: Headings,
  ) => Promise<Answer<Data>>
}

/** A plain client of the API: it never tries again, and never throws for a status. */
export const restClient = (url: string, token: string | null): Rest => {
  const send: Rest['send'] = async (method, path, body = null, headers = {}) => {
    const authorization: Headings = token === null ? {} : { authorization: `Bearer ${token}` }
    const request = { method, body, headers: { ...authorization, ...headers } }
    const response = await fetch(`${url}${path}`, request)
    const text = await response.text()
    const isJson = /^application\/(problem\+)?json/.test(response.headers.get('content-type') ?? '')
    const { data, meta, error } = isJson && text !== '' ? JSON.parse(text) : {}
    for (const code of codesIn({ data, error })) meetCode(code)
    return { status: response.status, headers: response.headers, text, data, meta, error }
  }
  const write: Rest['write'] = (method, path, body, headers) =>
    body === null
      ? send(method, path, null, headers)
      : send(method, path, JSON.stringify(body), { 'content-type': 'application/json', ...headers })
  return {
    url,
    send,
    get: (path, headers) => send('GET', path, null, headers),
    post: (path, body, headers) => write('POST', path, body, headers),
    write,
  }
}

/** That of the answer, and those of the items of a batch. */
const codesIn = ({ data, error }: Pick<Answer, 'data' | 'error'>): string[] => {
  const { results = [] } = (data ?? {}) as { results?: readonly { error?: Problem }[] }
  return [error, ...results.map((result) => result.error)].flatMap((one) => one?.code ?? [])
}

/** Reads, and while the answer is that it cannot be shown yet, does as Retry-After says. */
export const getWhenVisible = async <Data>(
  rest: Rest,
  path: string,
  revision: number,
): Promise<Answer<Data>> => {
  for (;;) {
    const answer = await rest.get<Data>(path, { 'daybook-min-revision': String(revision) })
    if (answer.status !== 503 || answer.error.code !== 'not_yet_visible') return answer
    await sleep(1000 * Number(answer.headers.get('retry-after')))
  }
}

export const revisionOf = ({ headers }: Answer): number => {
  const revision = headers.get('daybook-revision')
  if (revision === null) throw new Error('the answer has no Daybook-Revision')
  return Number(revision)
}

/** All of a list, page by page through `nextCursor`. */
export const listAll = async <Item>(
  get: (path: string) => Promise<Answer<Item[]>>,
  path: string,
): Promise<Item[]> => {
  const items: Item[] = []
  const join = path.includes('?') ? '&' : '?'
  for (let cursor: string | null = ''; cursor !== null; ) {
    const suffix: string = cursor === '' ? '' : `${join}cursor=${encodeURIComponent(cursor)}`
    const answer: Answer<Item[]> = await get(`${path}${suffix}`)
    if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${answer.text}`)
    items.push(...answer.data)
    cursor = answer.meta.nextCursor
  }
  return items
}
