import type { Recorded } from '../../domain/events/index.ts'
import type { PeriodClosed } from '../../domain/events/period-closed.ts'
import type { PeriodReopened } from '../../domain/events/period-reopened.ts'
import { periodId } from '../../domain/period.ts'
import type { Rows } from '../projection.ts'
import type { LedgerTables } from './tables.ts'

type LedgerRows = Rows<LedgerTables>

export const closePeriod = (
  { data, revision, metadata }: Recorded<PeriodClosed>,
  rows: LedgerRows,
  bookId: string,
): void => {
  const { actor, recorded_at } = metadata
  const { from, through, trial_balance_hash } = data
  rows.put('period', {
    id: periodId(bookId, revision),
    book_id: bookId,
    from,
    through,
    shown_revision: data.revision,
    trial_balance_hash,
    closed_by: actor,
    reopened_by: null,
    revision,
    created_at: recorded_at,
    updated_at: recorded_at,
    deleted_at: null,
  })
  const book = rows.get('book', bookId)
  rows.put('book', { ...book, closed_through: through, updated_at: recorded_at })
}

export const reopenPeriod = (
  { data, metadata }: Recorded<PeriodReopened>,
  rows: LedgerRows,
  bookId: string,
): void => {
  const { actor, recorded_at } = metadata
  for (const closing of data.closings) {
    const period = rows.get('period', periodId(bookId, closing))
    const times = { updated_at: recorded_at, deleted_at: recorded_at }
    rows.put('period', { ...period, reopened_by: actor, ...times })
  }
  const book = rows.get('book', bookId)
  rows.put('book', { ...book, closed_through: data.through, updated_at: recorded_at })
}
