import { Agent, request } from 'node:http'

export type Answer = {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
}

/** What came of one request, whole: an answer or why there is none. */
export type Attempt = {
  readonly api: number
  readonly method: string
  readonly path: string
  readonly sentAt: number
  readonly endedAt: number
  readonly answer: Answer | null
  /** Of the connection: ECONNREFUSED, ECONNRESET, TIMEOUT ... */
  readonly failure: string | null
}

export type Request = {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
}

export type Client = {
  /** How many APIs there are. */
  readonly apis: number
  readonly send: (api: number, request: Request, timeoutMs?: number) => Promise<Attempt>
  /** Fetches a token, again and again until one is there. */
  readonly logIn: () => Promise<void>
  readonly close: () => void
}

/** More than Daybook may take, so that one that hangs shows. */
export const patienceMs = 15_000
/** A fraction of what a token lasts, so that logging in meets faults too. */
const tokenMs = 15_000
/** Each connection comes to its turn, so that a dead one is found out. */
const agentOptions = { keepAlive: true, maxSockets: 256, scheduling: 'fifo' } as const

export type Login = { readonly email: string; readonly password: string }

/** Speaks to all APIs over connections that it keeps, as a good client does. */
export const createClient = (
  ports: readonly number[],
  login: Login,
  seen: (attempt: Attempt) => void,
): Client => {
  const agents = ports.map(() => new Agent(agentOptions))
  let token = ''
  let tokenUntil = 0
  let loggingIn: Promise<void> | null = null

  const exchange = (
    api: number,
    { method, path, headers = {}, body }: Request,
    timeoutMs: number,
  ): Promise<Attempt> =>
    new Promise((resolve) => {
      const sentAt = Date.now()
      const payload = body === undefined ? undefined : JSON.stringify(body)
      const finish = (answer: Answer | null, failure: string | null) => {
        clearTimeout(timer)
        const facts = { api, method, path, sentAt, endedAt: Date.now(), answer, failure }
        seen(facts)
        resolve(facts)
      }
      const sending = request(
        {
          host: '127.0.0.1',
          port: ports[api],
          agent: agents[api],
          method,
          path,
          headers: {
            ...(payload !== undefined && {
              'Content-Type': 'application/json',
              'Content-Length': Buffer.byteLength(payload),
            }),
            ...headers,
          },
        },
        (response) => {
          const chunks: Buffer[] = []
          response.on('data', (chunk: Buffer) => chunks.push(chunk))
          response.on('error', (error: NodeJS.ErrnoException) =>
            finish(null, error.code ?? error.message),
          )
          response.on('end', () => {
            const { statusCode = 0, headers } = response
            finish({ status: statusCode, headers, text: Buffer.concat(chunks).toString() }, null)
          })
        },
      )
      const timer = setTimeout(() => {
        sending.destroy(Object.assign(new Error('no answer'), { code: 'TIMEOUT' }))
      }, timeoutMs)
      sending.on('error', (error: NodeJS.ErrnoException) =>
        finish(null, error.code ?? error.message),
      )
      sending.end(payload)
    })

  const logInOnce = async (): Promise<void> => {
    for (let attempt = 0; ; attempt++) {
      const api = attempt % ports.length
      const body = login
      const path = '/v1/auth/login'
      const { answer } = await exchange(api, { method: 'POST', path, body }, patienceMs)
      if (answer?.status === 200) {
        token = JSON.parse(answer.text).data.token
        tokenUntil = Date.now() + tokenMs
        return
      }
      await new Promise((resolve) => setTimeout(resolve, 300))
    }
  }

  const logIn = (): Promise<void> => {
    loggingIn ??= logInOnce().finally(() => {
      loggingIn = null
    })
    return loggingIn
  }

  return {
    apis: ports.length,
    logIn,
    send: async (api, request, timeoutMs = patienceMs) => {
      // The token is renewed beside the requests, which go on with the old one meanwhile.
      if (token === '') await logIn()
      else if (Date.now() > tokenUntil) void logIn()
      const headers = { ...request.headers, Authorization: `Bearer ${token}` }
      return exchange(api, { ...request, headers }, timeoutMs)
    },
    close: () => {
      for (const agent of agents) agent.destroy()
    },
  }
}
