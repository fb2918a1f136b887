import type { EventStore, Place } from '../event-store.ts'
import type { Database } from '../postgres.ts'
import type { Projecting } from './advance.ts'
import type { Build } from './build.ts'
import { readFront } from './lost.ts'
import type { Scan } from './tail.ts'

/** A book of which a build has not folded all that is recorded. */
export type Lagging = {
  readonly bookId: string
  /** Between what is folded and what is recorded. */
  readonly events: number
  /** When the first of them was recorded, in ms since 1970. */
  readonly since: number
}

type Looking = {
  readonly db: Database
  readonly store: Pick<EventStore, 'lastRevision' | 'readBook'>
  readonly scan: Scan
}

/** So many halted books, and so many others, are looked at; and so much of the log for the latter. */
const mostBooks = 100
const mostScans = 10

/**
 * The books of a build that are behind now, halted or not. All others had been folded when the last
 * sweep moved the build's place in the log, so only books with news since then are looked at.
 */
export const laggingBooks = async (
  { db, store, scan }: Looking,
  build: Build,
): Promise<Lagging[]> => {
  let place: Place = await readFront(db, build)
  const { rows } = await db.query<{ id: string }>(
    `select book_id as id from ${build.schema}.failure limit ${mostBooks}`,
  )
  const heads = new Map<string, number>()
  for (const { id } of rows) heads.set(id, await store.lastRevision(id))
  const late = await behind(db, build, heads)
  for (let scans = 0; scans < mostScans; scans++) {
    const scanned = await scan(place)
    const others = [...scanned.heads].filter(([bookId]) => !heads.has(bookId))
    const revisions = others.map(([bookId, { revision }]) => [bookId, revision] as const)
    const found = await behind(db, build, new Map(revisions))
    late.push(...found)
    // Who waits longest stands first in the log.
    if (scanned.isEnd || found.length > 0) break
    place = scanned.place
  }
  return Promise.all(
    late.map(async ({ bookId, folded, events }) => {
      let since = Number.NaN
      for await (const { metadata } of store.readBook(bookId, folded + 1, 1)) {
        since = Date.parse((metadata as { recorded_at?: string }).recorded_at ?? '')
      }
      return { bookId, events, since }
    }),
  ).then((found) => found.filter(({ since }) => !Number.isNaN(since)))
}

const behind = async (
  db: Database,
  { schema }: Build,
  heads: ReadonlyMap<string, number>,
): Promise<{ bookId: string; folded: number; events: number }[]> => {
  if (heads.size === 0) return []
  const { rows } = await db.query<{ bookId: string; folded: number; events: number }>(
    `select head.book_id as "bookId", coalesce(checkpoint.revision, -1) as folded,
       head.revision - coalesce(checkpoint.revision, -1) as events
     from unnest($1::uuid[], $2::int8[]) as head (book_id, revision)
     left join ${schema}.checkpoint on checkpoint.book_id = head.book_id
     where head.revision > coalesce(checkpoint.revision, -1) limit ${mostBooks}`,
    [[...heads.keys()], [...heads.values()]],
  )
  return rows
}

/** Those of every build that queries read, named as metrics name them. */
export const lagsOf = async (
  { db, store, tail: { scan } }: Pick<Projecting, 'db' | 'store' | 'tail'>,
  builds: readonly Build[],
) => {
  const live = builds.filter(({ stage }) => stage === 'live')
  const lags = live.map(async (build) => {
    const found = await laggingBooks({ db, store, scan }, build)
    const { name: projection } = build.projection
    return found.map(({ bookId: book, ...lag }) => ({ projection, book, ...lag }))
  })
  return (await Promise.all(lags)).flat()
}

/** The most of them: events behind, and seconds since the first of those was recorded. */
export const greatestLag = (
  books: readonly Lagging[],
  now: number,
): { readonly events: number; readonly seconds: number } => ({
  events: Math.max(0, ...books.map(({ events }) => events)),
  seconds: Math.max(0, ...books.map(({ since }) => (now - since) / 1000)),
})
