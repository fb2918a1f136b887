import type pg from 'pg'
import { liveTag } from '../../cache.ts'
import { inTransaction } from '../../postgres.ts'
import type { Build } from '../build.ts'
import { noRevision, raiseStaleTags } from '../stale-tags.ts'
import { whileAligned } from './frozen.ts'
import type { Rebuilding } from './rebuilding.ts'

/** No reader that has begun before takes longer; after it nobody looks at what was live. */
const drainSeconds = 30

/**
 * Names the build as the one that queries read, in place of the live one if there is one. At that
 * moment it has every event that the other has, so nobody sees a book go back. False if it is too
 * far behind for that yet. The other is kept going until `keepSeconds` later, for a rollback.
 */
export const goLive = async (
  rebuilding: Rebuilding,
  build: Build,
  live: Build | null,
  keepSeconds: number,
): Promise<boolean> => {
  const change = (client: pg.PoolClient) => nameLive(client, build, live, keepSeconds)
  if (!live) {
    await inTransaction(rebuilding.db, 'begin', change)
    return true
  }
  const isDone = (await whileAligned(rebuilding, [build, live], change)) ?? false
  if (isDone) await raiseStaleTags(rebuilding.db, rebuilding.projecting.cache, live)
  return isDone
}

const nameLive = async (
  client: pg.PoolClient,
  { id, projection: { name, version } }: Build,
  live: Build | null,
  keepSeconds: number,
): Promise<true> => {
  await client.query(
    `insert into projection.live (projection, version, build_id) values ($1, $2, $3)
     on conflict (projection, version) do update set build_id = excluded.build_id, since = now()`,
    [name, version, id],
  )
  if (live) {
    // What was cached of it is not found any more.
    await client.query(`insert into ${live.schema}.stale_tag (revision, tags) values ($1, $2)`, [
      noRevision,
      [liveTag],
    ])
    await client.query(
      `update projection.build
       set stage = 'retired', stage_at = now(), drop_at = now() + $2 * interval '1 second'
       where id = $1`,
      [live.id, Math.max(drainSeconds, keepSeconds)],
    )
    // Only the one that was live last can be gone back to.
    await client.query(
      `update projection.build set drop_at = least(drop_at, now() + $4 * interval '1 second')
       where projection = $1 and version = $2 and stage = 'retired' and id <> $3`,
      [name, version, live.id, drainSeconds],
    )
  }
  await client.query(
    `update projection.build set stage = 'live', stage_at = now(), drop_at = null,
       ended_at = coalesce(ended_at, now()) where id = $1`,
    [id],
  )
  return true
}
