import type { BookEvent } from '../../domain/events/index.ts'
import { findBook } from '../books.ts'
import type { Client } from '../client.ts'
import { UserError } from '../report-failure.ts'

/** What an export needs of an event of a book. */
export type HistoryEvent = BookEvent & { readonly revision: number }

/** A book as it was known at a revision. Its events can be read as often as need be. */
export type History = {
  readonly bookId: string
  readonly revision: number
  readonly events: () => AsyncIterable<HistoryEvent>
}

/** The events of the only book of this name, up to a revision; null: up to its last one now. */
export const openHistory = async (
  client: Client,
  name: string,
  knownAt: number | null,
): Promise<History> => {
  const bookId = await findBook(client, name)
  const { revision: last } = await client.get(`/v1/books/${bookId}/events?limit=1`)
  if (last === null) throw new Error('the events came without the revision of the book')
  if (knownAt !== null && knownAt > last) {
    throw new UserError(`${name} is at revision ${last}: it was never known at ${knownAt}.`)
  }
  const revision = knownAt ?? last
  return { bookId, revision, events: () => readEvents(client, bookId, revision) }
}

async function* readEvents(
  client: Client,
  bookId: string,
  through: number,
): AsyncGenerator<HistoryEvent> {
  for (let next = 0; next <= through; ) {
    const limit = Math.min(200, through + 1 - next)
    const path = `/v1/books/${bookId}/events?limit=${limit}&cursor=${next}`
    const { data } = await client.get(path)
    if ((data as HistoryEvent[]).length === 0) {
      throw new UserError(`The events of the book end before revision ${next}. Try again.`)
    }
    for (const event of data as HistoryEvent[]) {
      if (event.revision !== next) {
        throw new Error(`event ${event.revision} came where ${next} was to come`)
      }
      next++
      yield event
    }
  }
}
