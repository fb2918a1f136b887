import Type, { type Static } from 'typebox'
import type { BookLog } from '../commands/book-log.ts'
import { Instant } from '../domain/instant.ts'
import { upcast } from '../domain/upcast.ts'

const Id = Type.String({ format: 'uuid' })
const Hash = Type.String({ description: 'SHA-256, in hexadecimal' })

export const EventResource = Type.Object({
  id: Id,
  revision: Type.Integer({ description: 'Its place in the book, from 0' }),
  type: Type.String({ examples: ['TransactionsRecorded'] }),
  data: Type.Object({}, { description: 'In today’s form, whatever the form it was recorded in' }),
  metadata: Type.Object({
    recorded_at: Instant,
    actor: Type.String({ description: 'Id of the user who gave the command' }),
    command_id: Type.String(),
    correlation_id: Type.String(),
    causation_id: Type.String(),
    previous_hash: Hash,
    hash: Hash,
  }),
})
type EventResource = Static<typeof EventResource>

export type History = Pick<BookLog, 'read' | 'head'>

/** Read at once: each to its end, for a read that is left early costs more than what it saves. */
const eventsARead = 10
const pageBytes = 4 * 1024 * 1024

/** Up to `limit` events from a revision on, fewer where they are large; and the revision after them. */
export const historyPage = async (
  history: History,
  bookId: string,
  from: number,
  limit: number,
): Promise<{ readonly events: readonly EventResource[]; readonly next: number }> => {
  const events: EventResource[] = []
  const end = from + limit
  let next = from
  for (let bytes = 0; next < end && bytes < pageBytes; ) {
    const before = next
    const wanted = Math.min(eventsARead, end - next)
    for await (const stored of history.read(bookId, next, wanted)) {
      const { id, revision, type, data, metadata } = upcast(stored)
      const { recorded_at, actor, command_id, correlation_id, causation_id } = metadata
      const { previous_hash, hash } = metadata
      const causes = { command_id, correlation_id, causation_id }
      const shown = { recorded_at, actor, ...causes, previous_hash, hash }
      events.push({ id, revision, type, data, metadata: shown })
      bytes += JSON.stringify(data).length
      next = revision + 1
    }
    // A follower that has not got them yet: whoever asks goes on from here.
    if (next === before) break
  }
  return { events, next }
}
