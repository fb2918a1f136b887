import { createHash } from 'node:crypto'
import type { Static, TSchema } from 'typebox'
import type { Command } from '../../src/commands/command.ts'
import type { Received } from '../../src/commands/received.ts'
import { canonical } from '../../src/domain/chain.ts'

export const bookId = '00000000-0000-8000-8000-00000000b00c'
export const actor = '00000000-0000-8000-8000-0000000000ac'

/** Ids in order, as the shell would draw them by chance. */
export const idSource = (prefix = 'a') => {
  let count = 0
  return () => `${prefix.padEnd(8, '0')}-0000-7000-8000-${String(++count).padStart(12, '0')}`
}

type Options = {
  readonly key?: string | null
  readonly isDryRun?: boolean
  readonly nextId: () => string
}

/** A command as the API would hand it over. */
export const receivedOf = <Schema extends TSchema>(
  command: Command<Schema>,
  data: Static<Schema>,
  { key = null, isDryRun = false, nextId }: Options,
): Received => ({
  command: command as unknown as Received['command'],
  data,
  bookId,
  commandId: nextId(),
  actor,
  isAdmin: true,
  correlationId: nextId(),
  isDryRun,
  key:
    key === null
      ? null
      : {
          value: key,
          route: `POST ${command.name}`,
          fingerprint: createHash('sha256').update(canonical(data)).digest('hex'),
        },
  ids: Array.from({ length: command.idsFor(data) }, nextId),
  salt: createHash('sha256').update(nextId()).digest('hex').slice(0, 32),
  bytes: 0,
})
