import { refuse } from '../../domain/rejection.ts'
import type { Projection } from '../../projections/projection.ts'
import { type PageParameters, paged, paging, type Sign } from '../../queries/page.ts'
import type { FailureResource, SkipResource } from '../../queries/projections.ts'
import type { Envelope } from '../../queries/query.ts'
import { type Database, inTransaction } from '../postgres.ts'
import type { Build } from './build.ts'

/** Leaves the event out of this projection, now and in every build of this version to come. */
export const skipEvent = (
  db: Database,
  { schema, projection }: Build,
  bookId: string,
  reason: string,
  actor: string,
): Promise<void> =>
  inTransaction(db, 'begin', async (client) => {
    const { name, version } = projection
    if (projection.isUnskippable) {
      refuse('failure_not_skippable', `Commands rest on ${name}: mend it, then retry.`)
    }
    const { rows } = await client.query<FailureResource>(
      `select revision, event_id, error, is_skippable from ${schema}.failure
       where book_id = $1 for update`,
      [bookId],
    )
    const [failure] = rows
    if (!failure) return refuse('failure_not_found')
    if (!failure.is_skippable) {
      const why = `${failure.error}. Rebuild the projection from the log that is to count.`
      refuse('failure_not_skippable', why)
    }
    const { revision, event_id, error } = failure
    await client.query(
      `insert into projection.skip
         (projection, version, book_id, revision, event_id, error, reason, skipped_by)
       values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict do nothing`,
      [name, version, bookId, revision, event_id, error, reason, actor],
    )
    await client.query(
      `update ${schema}.failure set failed_at = now() - interval '1 minute', attempts = 1
       where book_id = $1`,
      [bookId],
    )
  })

/** What was left out of this version of the projection, and by whose order. */
export const listSkips = async (
  db: Database,
  sign: Sign,
  { name, version }: Projection,
  parameters: PageParameters,
): Promise<Envelope<SkipResource[]>> => {
  const pages = paging(parameters, { list: 'skips', name, version }, sign)
  const [bookId = null, revision = null] = pages.after ?? []
  const { rows: found } = await db.query<SkipResource>(
    `select book_id, revision, event_id, error, reason, skipped_by, skipped_at
     from projection.skip
     where projection = $1 and version = $2
       and ($3::uuid is null or (book_id, revision) > ($3, $4::int8))
     order by book_id, revision offset $5 limit $6`,
    [name, version, bookId, revision, pages.offset, pages.limit + 1],
  )
  const { rows: counted } = await db.query<{ total: number }>(
    'select count(*)::int4 as total from projection.skip where projection = $1 and version = $2',
    [name, version],
  )
  const total = counted[0]?.total ?? 0
  const { rows, meta } = paged(found, pages, total, (row) => [row.book_id, row.revision])
  return { data: [...rows], meta }
}
