import type { Database } from '../../postgres.ts'

/** So long after a build was given up a worker may still fold into it. */
const settleSeconds = 3

/**
 * Drops the schemas of builds whose time has come: of those that ended without going live at once,
 * of one that was live when no reader from then can be left and nobody may want it back. That one is
 * marked first, so that no worker folds into it any more.
 */
export const dropUnused = async (db: Database): Promise<void> => {
  await db.query(
    `update projection.build set stage = 'dropped', stage_at = now()
     where stage = 'retired' and drop_at < now()`,
  )
  const { rows } = await db.query<{ id: number; schema: string }>(
    `select id, projection || '_v' || version || '_b' || id as schema from projection.build
     where stage = any($1) and dropped_at is null
       and stage_at < now() - $2 * interval '1 second'`,
    [['done', 'failed', 'cancelled', 'dropped'], settleSeconds],
  )
  for (const { id, schema } of rows) {
    await db.query(`drop schema if exists ${schema} cascade`)
    await db.query('delete from projection.pace where build_id = $1', [id])
    await db.query('delete from projection.seen where build_id = $1', [id])
    await db.query('update projection.build set dropped_at = now() where id = $1', [id])
  }
}
