import { Rejected, reject } from '../domain/rejection.ts'
import type { AnswerCache, Kept, Question } from './answer-cache.ts'
import { revisionOf } from './cache.ts'
import { orUnavailable } from './postgres.ts'
import type { Shown } from './read-transaction.ts'
import { begunAfter, untilFound } from './single-flight.ts'

export type Answer = {
  /** JSON of the envelope. */
  readonly body: string
  /** The entity tag, in its quotes. */
  readonly etag: string
  /** The revision that it shows, or a later one that changed nothing in it. */
  readonly revision: number
}

/** Told what the cache did for a question. */
export type Count = (result: 'hit' | 'miss' | 'away') => void

type Snapshot = (question: Question, minRevision: number | null) => Promise<Shown | null>

/** How long a reader waits for the revision it asks for. */
const patience = 2_000

/**
 * Answers a question from the cache, where its tags and the book's are as they were when the answer
 * was kept, else from Postgres. The tags are undefined where the cache is away.
 */
export const answering = (snapshot: Snapshot, answers: AnswerCache, count: Count) => {
  const running = new Map<string, Promise<Answer>>()
  const fresh = begunAfter<Answer>()

  const visible = (question: Question, minRevision: number | null): Promise<Shown> =>
    orUnavailable(
      untilFound(
        () => snapshot(question, minRevision),
        patience,
        () => new Rejected(reject('not_yet_visible')),
      ),
    )

  const find = async (question: Question, tags: readonly string[]): Promise<Kept | null> => {
    const found = answers.recent(question, tags) ?? (await answers.find(question, tags))
    count(found ? 'hit' : 'miss')
    return found
  }

  /** Asks Postgres, and keeps what may come again if it has reached the tags that were read before. */
  const load = async (question: Question, tags: readonly string[], book: string): Promise<Kept> => {
    const { validFor, ...shown } = await visible(question, null)
    const jittered = Math.floor(validFor * (0.8 + 0.2 * Math.random()))
    const kept = { ...shown, tags, until: Date.now() + jittered }
    const hasReachedTags = [book, ...tags].every((tag) => revisionOf(tag) <= shown.revision)
    if (question.comesAgain && hasReachedTags && jittered > 0) answers.keep(question, kept)
    return kept
  }

  /** Concurrent misses of one answer run once. */
  const once = (question: Question, tags: readonly string[], book: string): Promise<Answer> => {
    const key = `${question.name} ${tags.join(' ')}`
    const known = running.get(key)
    if (known) return known
    const loading = load(question, tags, book).finally(() => running.delete(key))
    running.set(key, loading)
    return loading
  }

  const wait = (question: Question, minRevision: number | null): Promise<Answer> =>
    fresh(`${question.name} ${minRevision}`, () => visible(question, minRevision))

  return async (
    question: Question,
    minRevision: number | null,
    book: string | undefined,
    tags: readonly string[] | undefined,
  ): Promise<Answer> => {
    const reached = book === undefined ? -1 : revisionOf(book)
    if (!tags || book === undefined || (minRevision !== null && reached < minRevision)) {
      if (!tags) count('away')
      return wait(question, minRevision)
    }
    const found = question.comesAgain ? await find(question, tags) : null
    if (found) {
      const { body, etag, revision } = found
      return { body, etag, revision: Math.max(revision, reached) }
    }
    const loaded = await once(question, tags, book).catch((error: unknown) => {
      if (minRevision === null || !(error instanceof Rejected)) throw error
      if (error.rejection.code === 'store_unavailable') throw error
      return null
    })
    // Where Postgres lost what was visible once, tags say more than it shows, or did not find.
    return loaded && (minRevision === null || minRevision <= loaded.revision)
      ? loaded
      : wait(question, minRevision)
  }
}
