import type { Readable } from 'node:stream'
import Type, { type Static, type TObject, type TSchema } from 'typebox'
import type { Command } from '../commands/command.ts'
import type { Outcome } from '../commands/received.ts'
import type { RejectionCode } from '../domain/rejection.ts'

export type Principal = { readonly id: string; readonly role: 'admin' | 'user' | 'nobody' }

type Values<Schema> = Schema extends TSchema ? Static<Schema> : undefined

export type Schemas = {
  readonly path?: TObject
  readonly query?: TObject
  readonly body?: TSchema
}

/** What a route sees of a request, checked against its schemas. */
export type Call<S extends Schemas = Schemas> = {
  readonly path: Values<S['path']>
  readonly query: Values<S['query']>
  readonly body: Values<S['body']>
  readonly principal: Principal
  readonly minRevision: number | null
  /** The last one that a reader of a stream has seen. */
  readonly lastEventId: string | null
  /** Versions of the resource that the caller means, by If-Match; null: any. */
  readonly versions: readonly number[] | null
  /** Key the caller gave for a write, if any. */
  readonly idempotencyKey: string | null
  /** Hands a command to the writer of a book; resolves once its outcome is certain. */
  readonly execute: <Data extends TSchema>(
    command: Command<Data>,
    bookId: string,
    data: Static<Data>,
  ) => Promise<Extract<Outcome, { kind: 'done' }>>
}

export type Reply = {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
} & (
  | { readonly data: unknown; readonly meta?: object }
  | { readonly body: string }
  /** Server-sent events. */
  | { readonly stream: Readable }
)

/** Whether it makes a command of a book: then it takes a key, and may be tried without effect. */
export const makesCommand = ({ method, address }: Pick<Route, 'method' | 'address'>): boolean =>
  method !== 'get' && address.startsWith('/v1/books')

/** The query of every route that makes a command, which has no other. */
export const CommandQuery = Type.Object(
  {
    dry_run: Type.Optional(
      Type.Union([Type.Literal('true'), Type.Literal('false')], {
        description:
          'true: decides and answers as it would, with `Daybook-Dry-Run: true`, and stores nothing',
      }),
    ),
  },
  { additionalProperties: false },
)
export type CommandQuery = Static<typeof CommandQuery>

/** Defined once: validation, types and OpenAPI all come from here. */
export type Route<S extends Schemas = Schemas> = {
  readonly method: 'get' | 'post' | 'put' | 'patch' | 'delete'
  /** With `{name}` for parameters. */
  readonly address: string
  readonly summary: string
  readonly description?: string
  readonly tag: string
  readonly isPublic?: boolean
  /** Whether it answers with server-sent events, of `data` as described. */
  readonly isStream?: boolean
  /** Whether it heeds If-Match. */
  readonly isConditional?: boolean
  readonly schemas: S
  /** The `data` of the answer, by status. */
  readonly answers: Readonly<Record<number, TSchema>>
  /** Refusals beyond those that any route gives. */
  readonly refusals?: readonly RejectionCode[]
  readonly handle: (call: Call<S>) => Promise<Reply>
}

export const route = <const S extends Schemas>(it: Route<S>): Route => it as unknown as Route
