import { hash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { Query } from '../queries/query.ts'
import type { TagCache } from './cache.ts'

export type Question = {
  /** The build that is asked. */
  readonly build: number
  readonly query: Query<unknown, unknown>
  readonly bookId: string
  readonly parameters: unknown
  /** All that makes it differ from others, but for the state of what it asks about. */
  readonly name: string
  readonly tags: readonly string[]
  /** False for a page behind a cursor: one reader goes through it, once. */
  readonly comesAgain: boolean
}

/** An answer, the values its tags had before it was worked out, and until when it is good. */
export type Kept = {
  readonly body: string
  readonly etag: string
  readonly revision: number
  readonly tags: readonly string[]
  readonly until: number
}

const recentBytes = 32 * 1024 * 1024

/**
 * Answers by question, each good as long as its tags have the values that it was kept with. Redis
 * has those of all processes; this one the latest of each that was asked for again.
 */
export const answerCache = (cache: TagCache) => {
  const kept = new LRUCache<string, Kept>({
    maxSize: recentBytes,
    sizeCalculation: ({ body }, name) => 2 * (body.length + name.length),
  })
  return {
    recent: ({ name }: Question, tags: readonly string[]): Kept | null => {
      const own = kept.get(name)
      return own && own.until > Date.now() && isSame(own.tags, tags) ? own : null
    },
    find: async ({ name }: Question, tags: readonly string[]): Promise<Kept | null> => {
      const hit = await cache.get(keyOf(name, tags))
      if (hit === null) return null
      const found = fromText(hit, tags)
      kept.set(name, found)
      return found
    },
    keep: ({ name }: Question, answer: Kept): void => {
      const { body, etag, revision, tags, until } = answer
      const text = `${revision} ${until} ${etag}\n${body}`
      cache.set(keyOf(name, tags), text, until - Date.now())
    },
  }
}

export type AnswerCache = ReturnType<typeof answerCache>

const isSame = (some: readonly string[], others: readonly string[]): boolean =>
  some.length === others.length && some.every((one, index) => one === others[index])

const keyOf = (name: string, tags: readonly string[]): string =>
  `answer:${hash('sha1', `${name} ${tags.join(' ')}`, 'base64url')}`

const fromText = (text: string, tags: readonly string[]): Kept => {
  const end = text.indexOf('\n')
  const [revision, until, etag = ''] = text.slice(0, end).split(' ')
  const body = text.slice(end + 1)
  return { revision: Number(revision), until: Number(until), etag, tags, body }
}
