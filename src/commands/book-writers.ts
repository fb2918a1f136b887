import { type BookWriter, bookWriter, type WriterOptions } from './book-writer.ts'
import type { Outcome, Received } from './received.ts'

export type BookWriters = {
  readonly submit: (received: Received) => Promise<Outcome>
  readonly close: () => void
}

const idleAfter = 10 * 60_000

/** The writers of this process, one a book in use. Idle ones are let go of with their state. */
export const bookWriters = (options: WriterOptions): BookWriters => {
  const writers = new Map<string, BookWriter>()
  const sweep = setInterval(() => {
    const limit = options.clock() - idleAfter
    for (const [bookId, writer] of writers) {
      if (writer.isIdle() && writer.lastUsed() < limit) writers.delete(bookId)
    }
  }, 60_000).unref()

  return {
    submit: async (received) => {
      const { bookId } = received
      let writer = writers.get(bookId)
      if (!writer) writers.set(bookId, (writer = bookWriter(bookId, options)))
      const outcome = await writer.submit(received)
      // A book that does not exist leaves nothing behind, however often it is asked for.
      const isOver = outcome.revision < 0 && writer.isIdle()
      if (isOver && writers.get(bookId) === writer) writers.delete(bookId)
      return outcome
    },
    close: () => clearInterval(sweep),
  }
}
