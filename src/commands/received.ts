import type { Static, TSchema } from 'typebox'
import type { BookEvent, Recorded } from '../domain/events/index.ts'
import type { Rejection } from '../domain/rejection.ts'
import type { Command } from './command.ts'

/** A command as it came in, with all that chance and the caller decide about it, fixed for good. */
export type Received<Schema extends TSchema = TSchema> = {
  readonly command: Command<Schema>
  readonly data: Static<Schema>
  readonly bookId: string
  /** Also the id of the event it makes. */
  readonly commandId: string
  readonly actor: string
  /** An administrator needs no role in the book. */
  readonly isAdmin: boolean
  readonly correlationId: string
  readonly key: {
    readonly value: string
    readonly route: string
    readonly fingerprint: string
  } | null
  /** Only to be decided and answered: nothing of it is stored, and its key is not bound. */
  readonly isDryRun: boolean
  readonly ids: readonly string[]
  /** Hex of 16 random bytes, for the leaves of its event. */
  readonly salt: string
  /** Of the body it came in. */
  readonly bytes: number
}

export type Outcome =
  | {
      readonly kind: 'done'
      /** Null where there was nothing to decide. */
      readonly event: BookEvent | null
      /** In the book: what the answer shows, mostly `event` itself. Null: nothing is stored. */
      readonly recorded: Recorded | null
      /** Of the book, once this is visible. */
      readonly revision: number
      readonly isReplay: boolean
    }
  | {
      readonly kind: 'refused'
      readonly rejection: Rejection
      readonly revision: number
      readonly isReplay: boolean
    }
