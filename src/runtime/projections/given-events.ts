import type { Recorded } from '../../domain/events/index.ts'
import { keyOf, keyText } from '../../projections/projection.ts'
import type { Key } from '../../projections/table.ts'
import { withOwnProjections } from './load-own.ts'
import { rowSet } from './row-set.ts'
import type { AnyRow } from './row-text.ts'

/**
 * For the tests of a projection of one's own: the rows, by table, that the file's projection makes of
 * events of a book. It is checked like at the start of a worker, and an event finds only rows that
 * `needs` names for it. Throws what would halt the book.
 */
export const rowsGiven = async (
  file: string,
  events: readonly Recorded[],
  bookId: string,
): Promise<Record<string, AnyRow[]>> => {
  const [projection] = await withOwnProjections([], [file])
  if (!projection) throw new Error(`${file} gives no projection`)
  const tables = Object.entries(projection.tables)
  const kept = new Map(tables.map(([name]) => [name, new Map<string, AnyRow>()]))
  for (const event of events) {
    const set = rowSet(projection)
    for (const [name, keys] of Object.entries(projection.needs(event, bookId))) {
      for (const key of keys as readonly Key[]) {
        const row = kept.get(name)?.get(keyText(key))
        if (row && !set.has(name, key)) set.load(name, row)
      }
    }
    projection.apply(event, set.rows, bookId)
    for (const [name, table] of tables) {
      const rows = kept.get(name) as Map<string, AnyRow>
      const { fresh, changed } = set.take(name)
      for (const row of fresh) {
        const key = keyOf(table, row)
        if (rows.has(key)) {
          const reason = 'Does needs name it for this event?'
          throw new Error(`revision ${event.revision}: ${name} has a row ${key} already. ${reason}`)
        }
        rows.set(key, row)
      }
      for (const { after } of changed) rows.set(keyOf(table, after), after)
    }
  }
  return Object.fromEntries([...kept].map(([name, rows]) => [name, [...rows.values()]]))
}
