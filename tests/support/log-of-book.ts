import type { Recorded } from '../../src/domain/events/index.ts'
import { upcast } from '../../src/domain/upcast.ts'
import { connectEventStore } from '../../src/runtime/event-store.ts'
import type { Daybook } from './daybook.ts'

/** What the event store itself holds of a book. */
export const eventsOf = async (
  { environment }: Pick<Daybook, 'environment'>,
  bookId: string,
): Promise<Recorded[]> => {
  const store = connectEventStore(environment['EVENTSTORE_URL'] as string)
  try {
    const events: Recorded[] = []
    for await (const stored of store.read(bookId, 0)) events.push(upcast(stored))
    return events
  } finally {
    await store.close()
  }
}
