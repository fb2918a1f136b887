import { setTimeout as sleep } from 'node:timers/promises'
import { UserError } from './report-failure.ts'

export type ApiAnswer = {
  readonly status: number
  readonly data: unknown
  readonly meta: Readonly<Record<string, unknown>>
  readonly revision: number | null
}

type Headings = Record<string, string>

export type Client = {
  /** A write that may be sent twice. */
  readonly send: (
    method: 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    path: string,
    body: unknown,
    headers?: Headings,
  ) => Promise<ApiAnswer>
  readonly get: (path: string, headers?: Headings) => Promise<ApiAnswer>
  readonly post: (path: string, body: unknown, headers?: Headings) => Promise<ApiAnswer>
}

export type ClientOptions = {
  readonly url: string
  readonly token?: string | undefined
  /** To log in with, and again when the token expires. */
  readonly credentials?: { readonly email: string; readonly password: string } | undefined
  readonly signal?: AbortSignal
}

/** The API said no. */
export class ApiError extends UserError {
  readonly status: number
  readonly code: string
  readonly details: readonly Readonly<Record<string, unknown>>[]

  constructor(status: number, problem: { code: string; message: string; details: never[] }) {
    super(`${problem.message} (${status} ${problem.code})`)
    this.status = status
    this.code = problem.code
    this.details = problem.details
  }
}

const patienceMs = 120_000
/** A pause after which whoever waits is told why. */
const longPauseMs = 400
const timeoutMs = 30_000

/**
 * A client that waits out what passes: a lost connection, a 503. That is only safe for requests
 * that may be sent twice, so it sends no other: reads, and writes that carry a key or ids.
 */
export const createClient = ({ url, token, credentials, signal }: ClientOptions): Client => {
  let bearer = token
  let isToldToWait = false

  const login = async (): Promise<void> => {
    if (!credentials) throw new UserError('Not logged in. Run: ./bin/daybook login')
    const { data } = await call('POST', '/v1/auth/login', credentials)
    bearer = (data as { token: string }).token
  }

  const once = async (method: string, path: string, body: unknown, headers: object) => {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: {
        ...(bearer && { authorization: `Bearer ${bearer}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      body: body === undefined ? null : JSON.stringify(body),
      signal: AbortSignal.any([AbortSignal.timeout(timeoutMs), ...(signal ? [signal] : [])]),
    })
    const hasBody = response.status !== 204
    const answer = (hasBody ? await response.json() : { data: null, meta: {} }) as {
      data: unknown
      meta: ApiAnswer['meta']
      error: never
    }
    if (!response.ok) throw new ApiError(response.status, answer.error)
    const revision = response.headers.get('daybook-revision')
    const { data, meta } = answer
    return { status: response.status, data, meta, revision: revision ? Number(revision) : null }
  }

  const call = async (
    method: string,
    path: string,
    body?: unknown,
    headers: Headings = {},
  ): Promise<ApiAnswer> => {
    const end = Date.now() + patienceMs
    let hasLoggedIn = false
    for (let delay = 100; ; delay = Math.min(5_000, delay * 2)) {
      try {
        const answer = await once(method, path, body, headers)
        isToldToWait = false
        return answer
      } catch (error) {
        signal?.throwIfAborted()
        if (error instanceof ApiError && error.status === 401 && credentials && !hasLoggedIn) {
          if (path === '/v1/auth/login') throw error
          hasLoggedIn = true
          await login()
          continue
        }
        const passes = !(error instanceof ApiError) || error.status === 503
        if (!passes) throw error
        if (Date.now() + delay > end) throw unreachable(url, error)
        if (delay >= longPauseMs && !isToldToWait) {
          isToldToWait = true
          console.error(`Trying for two minutes: ${unreachable(url, error).message}`)
        }
        await sleep(delay)
      }
    }
  }

  return {
    send: call,
    get: (path, headers) => call('GET', path, undefined, headers),
    post: (path, body, headers) => call('POST', path, body, headers),
  }
}

const unreachable = (url: string, error: unknown): UserError => {
  if (error instanceof ApiError) return error
  const { cause, message } = error as Error
  const reason = (cause as Error | undefined)?.message || message
  return new UserError(`${url} cannot be reached (${reason}). Is Daybook running? npm start`)
}
