import { type TagCache, tagOf } from '../cache.ts'
import type { Database } from '../postgres.ts'
import type { Build } from './build.ts'

/** To be kept with tags that are to be forgotten. */
export const noRevision = -1

/** False if the cache did not take them. */
export const raiseTags = (
  cache: TagCache,
  { id }: Build,
  tags: readonly string[],
  revision: number,
): Promise<boolean> => {
  const own = tags.map((tag) => tagOf(id, tag))
  return revision === noRevision ? cache.forget(own) : cache.raise(own, revision)
}

/** Tags that were committed with a page but, after a crash or without Redis, not raised yet. */
export const raiseStaleTags = async (
  db: Database,
  cache: TagCache,
  build: Build,
): Promise<void> => {
  for (;;) {
    const { rows } = await db.query(
      `select id, revision, tags from ${build.schema}.stale_tag order by id limit 500`,
    )
    if (rows.length === 0) return
    const raised: number[] = []
    for (const { id, revision, tags } of rows) {
      if (!(await raiseTags(cache, build, tags, revision))) break
      raised.push(id)
    }
    await forgetStaleTags(db, build, raised)
    if (raised.length < rows.length) return
  }
}

const forgetStaleTags = async (
  db: Database,
  build: Build,
  ids: readonly number[],
): Promise<void> => {
  await db.query(`delete from ${build.schema}.stale_tag where id = any($1::int8[])`, [ids])
}
