import { type BookWriter, bookWriter, type WriterOptions } from './book-writer.ts'
import type { Outcome, Received } from './received.ts'

export type BookWriters = {
  readonly submit: (received: Received) => Promise<Outcome>
  /** Stores snapshots of books of which much is new. */
  readonly close: () => Promise<void>
}

type Options = WriterOptions & {
  /** Runs something every so many ms. What it returns ends that. */
  readonly every: (ms: number, run: () => void) => () => void
}

const idleAfter = 10 * 60_000
const sweepEvery = 10_000
/** How long snapshots may take at the end: the log has everything anyway. */
const keepMs = 3_000

/**
 * The writers of this process, one a book in use. Idle ones are let go of with their state: those
 * that were not used for long and, where all take more memory than they may, those not used longest.
 */
export const bookWriters = (options: Options): BookWriters => {
  const { clock, after, every, limits, warn } = options
  /** The one used last is the last. */
  const writers = new Map<string, BookWriter>()

  const letGo = (bookId: string, writer: BookWriter): Promise<void> => {
    writers.delete(bookId)
    return writer.keep()
  }

  const sweep = () => {
    const limit = clock() - idleAfter
    let bytes = 0
    for (const writer of writers.values()) {
      writer.rest()
      bytes += writer.bytes()
    }
    for (const [bookId, writer] of writers) {
      if (!writer.isIdle()) continue
      const isTooMuch = bytes > limits.memory
      if (!isTooMuch && writer.lastUsed() >= limit) continue
      bytes -= writer.bytes()
      if (isTooMuch) warn('a book is let go of to save memory', { book: bookId })
      void letGo(bookId, writer)
    }
  }
  const endSweeps = every(sweepEvery, sweep)

  return {
    submit: async (received) => {
      const { bookId } = received
      const writer = writers.get(bookId) ?? bookWriter(bookId, options)
      writers.delete(bookId)
      writers.set(bookId, writer)
      const outcome = await writer.submit(received)
      // A book that does not exist leaves nothing behind, however often it is asked for.
      const isOver = outcome.revision < 0 && writer.isIdle()
      if (isOver && writers.get(bookId) === writer) writers.delete(bookId)
      return outcome
    },
    close: () => {
      endSweeps()
      const kept = Promise.all([...writers].map(([bookId, writer]) => letGo(bookId, writer)))
      return new Promise((resolve) => {
        const callOff = after(keepMs, resolve)
        void kept.finally(() => {
          callOff()
          resolve()
        })
      })
    },
  }
}
