import type { Kysely } from 'kysely'
import type { Outcome, Received } from '../commands/received.ts'
import type { PageParameters, Sign } from '../queries/page.ts'
import type { Envelope, Query, ReadModel } from '../queries/query.ts'
import type { Administration } from './administration.ts'
import type { History } from './history.ts'
import type { Admit } from './rate-limit.ts'
import type { Principal } from './route.ts'
import type { Tokens } from './tokens.ts'

export type Logger = {
  readonly [Level in 'debug' | 'info' | 'warn' | 'error']: (facts: object, message: string) => void
}

export type User = {
  readonly id: string
  readonly email: string
  readonly role: 'admin' | 'user'
  readonly created_at: string
}

export type Users = {
  /** Null if the e-mail is taken. */
  readonly add: (email: string, password: string) => Promise<User | null>
  readonly find: (id: string) => Promise<User | null>
  readonly list: (parameters: PageParameters) => Promise<Envelope<User[]>>
}

export type ObservedRequest = {
  readonly method: string
  readonly path: string
  /** As the route is defined, never with what is in it: there are few of them. */
  readonly route: string
  readonly status: number
  readonly seconds: number
  /** Of a W3C Trace Context, as it was sent. */
  readonly traceparent: string | string[] | undefined
  readonly requestId: string
  /** The command that it became, if it did, and the ids to find it by. */
  readonly traced: Readonly<Record<string, string>> | null
}

/** What the API needs from the world; `main.ts` brings it. */
export type Dependencies = {
  readonly submit: (received: Received) => Promise<Outcome>
  readonly ask: <Parameters, Data>(
    query: Query<Parameters, Data>,
    bookId: string,
    parameters: Parameters,
    /** `member`: who must have a role in the book; null for one who needs none. */
    reader: { readonly member: string | null; readonly minRevision: number | null },
  ) => Promise<{ readonly body: string; readonly etag: string; readonly revision: number }>
  /** Books as they stand in the event store. */
  readonly history: History
  readonly across: <Data>(
    run: (db: Kysely<ReadModel>, sign: Sign) => Promise<Envelope<Data>>,
  ) => Promise<Envelope<Data>>
  /** Who has this e-mail and password; null if nobody. */
  readonly authenticate: (email: string, password: string) => Promise<Principal | null>
  readonly users: Users
  /** Projections and what is done to them. */
  readonly administration: Administration
  readonly tokens: Tokens
  readonly admit: Admit
  /** Key of the fingerprints kept with idempotency keys. It must never change. */
  readonly fingerprintKey: Buffer
  /** What must work for requests to be served, and what is only slower without. */
  readonly health: () => Promise<Readonly<Record<string, 'up' | 'down' | 'degraded'>>>
  /** Prometheus text. */
  readonly metrics: () => Promise<string>
  readonly observe: (request: ObservedRequest) => void
  readonly log: Logger
}
