import { setImmediate as pause } from 'node:timers/promises'
import type pg from 'pg'
import type { Build } from './build.ts'
import { type Digest, digestChange, plus } from './row-digest.ts'
import { type Lines, type RowLines, rowLines } from './row-lines.ts'
import type { Changes, RowSet } from './row-set.ts'
import { copyRows, insertRows, type Place, type Replaced, replaceRows } from './row-store.ts'
import { rowText } from './row-text.ts'

/** Of a book's rows by table, as its checkpoint keeps them. */
export type KeptDigests = Readonly<Record<string, readonly [rows: number, sum: string]>>

const digestOf = (kept: KeptDigests, table: string): Digest => {
  const [rows, sum] = kept[table] ?? [0, '0']
  return { rows, sum: BigInt(sum) }
}

/** What is to be written of one table. */
export type Spelled = {
  readonly place: Place
  readonly changed: readonly Replaced[]
  /** New rows as COPY takes them and, where they may be few, as they are. */
  readonly lines: Lines
  readonly fresh: Changes['fresh'] | null
  /** By how much the table's digest changes. */
  readonly change: Digest
}

/** Takes what is to be written out of the set. */
export const spellChanges = ({ projection, schema }: Build, set: RowSet): Spelled[] =>
  Object.entries(projection.tables).map(([name, table]) => {
    const { fresh, changed } = set.take(name)
    const lines = rowLines(table)
    for (const row of fresh) lines.add(row)
    return toSpelled({ schema, name, table }, changed, lines, fresh)
  })

/** Rows that are spelled without a pause: what else the process does waits for them. */
const slice = 2_000

/** The same for many rows, with pauses. `lines` has append-only ones already, and takes the others. */
export const spellSlowly = async (
  { projection, schema }: Build,
  set: RowSet,
  lines: ReadonlyMap<string, RowLines>,
): Promise<Spelled[]> => {
  const all: Spelled[] = []
  for (const [name, table] of Object.entries(projection.tables)) {
    const { fresh, changed } = set.take(name)
    const own = lines.get(name) ?? rowLines(table)
    for (const [index, row] of fresh.entries()) {
      own.add(row)
      if (index % slice === slice - 1) await pause()
    }
    all.push(toSpelled({ schema, name, table }, changed, own, null))
  }
  return all
}

const toSpelled = (
  place: Place,
  changed: readonly Replaced[],
  collected: RowLines,
  fresh: Changes['fresh'] | null,
): Spelled => {
  const spell = rowText(place.table)
  const digest = digestChange()
  for (const { before, after } of changed) {
    digest.remove(spell(before))
    digest.add(spell(after))
  }
  const lines = collected.take()
  return { place, changed, lines, fresh, change: plus(lines.digest, digest.take()) }
}

export const addDigests = (before: KeptDigests, spelled: readonly Spelled[]): KeptDigests => {
  const after: Record<string, readonly [number, string]> = {}
  for (const { place, change } of spelled) {
    const { rows, sum } = plus(digestOf(before, place.name), change)
    after[place.name] = [rows, String(sum)]
  }
  return after
}

/** Changed rows go first: one may give up what a new one takes, such as a code. */
export const writeChanges = async (
  client: pg.PoolClient,
  spelled: readonly Spelled[],
): Promise<void> => {
  for (const { place, fresh, changed, lines } of spelled) {
    await replaceRows(client, place, changed)
    if (fresh) await insertRows(client, place, fresh, lines)
    else await copyRows(client, place, lines)
  }
}
