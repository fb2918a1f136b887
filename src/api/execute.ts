import { createHmac } from 'node:crypto'
import type { Static, TSchema } from 'typebox'
import type { Command } from '../commands/command.ts'
import type { Outcome, Received } from '../commands/received.ts'
import { canonical } from '../domain/chain.ts'
import { Rejected } from '../domain/rejection.ts'
import type { Dependencies } from './dependencies.ts'
import { newId, newSalt } from './ids.ts'
import type { Principal } from './route.ts'

type Origin = {
  readonly principal: Principal
  readonly correlationId: string
  readonly idempotencyKey: string | null
  readonly isDryRun: boolean
  /** Method and address as the route is defined. */
  readonly route: string
  /** Told which command the request became, for the log. */
  readonly trace: (received: Received) => void
  /** What the caller sent, before defaults. */
  readonly request: unknown
  /** Of its body. */
  readonly bytes: number
}

/** Turns a request into a command with everything that chance decides, and hands it over. */
export const executeAs = async <Data extends TSchema>(
  { submit, fingerprintKey }: Pick<Dependencies, 'submit' | 'fingerprintKey'>,
  origin: Origin,
  command: Command<Data>,
  bookId: string,
  data: Static<Data>,
): Promise<Extract<Outcome, { kind: 'done' }>> => {
  const { principal, correlationId, idempotencyKey, isDryRun, route } = origin
  const received: Received = {
    command: command as Received<TSchema>['command'],
    data,
    bookId,
    commandId: newId(),
    actor: principal.id,
    isAdmin: principal.role === 'admin',
    correlationId,
    key:
      idempotencyKey === null
        ? null
        : {
            value: idempotencyKey,
            route,
            fingerprint: fingerprint(fingerprintKey, origin.request),
          },
    isDryRun,
    ids: Array.from({ length: command.idsFor(data) }, newId),
    salt: newSalt(),
    bytes: origin.bytes,
  }
  origin.trace(received)
  const outcome = await submit(received)
  if (outcome.kind === 'done') return outcome
  throw new Refused(outcome)
}

const fingerprint = (key: Buffer, request: unknown): string =>
  createHmac('sha256', key).update(canonical(request)).digest('hex')

/** A refusal by the book, which also says at which revision. */
export class Refused extends Rejected {
  readonly revision: number
  readonly isReplay: boolean

  constructor({
    rejection,
    revision,
    isReplay,
  }: Extract<Awaited<ReturnType<Dependencies['submit']>>, { kind: 'refused' }>) {
    super(rejection)
    this.revision = revision
    this.isReplay = isReplay
  }
}
