import { setImmediate as pause } from 'node:timers/promises'
import type pg from 'pg'
import type { Build } from './build.ts'
import { type Digest, digestChange, plus } from './row-digest.ts'
import type { Changes, RowSet } from './row-set.ts'
import { copyRows, insertRows, type Place, replaceRows } from './row-store.ts'
import { rowText } from './row-text.ts'

/** Of a book's rows by table, as its checkpoint keeps them. */
export type KeptDigests = Readonly<Record<string, readonly [rows: number, sum: string]>>

const digestOf = (kept: KeptDigests, table: string): Digest => {
  const [rows, sum] = kept[table] ?? [0, '0']
  return { rows, sum: BigInt(sum) }
}

/** What is to be written of one table, spelled. */
export type Spelled = Changes & {
  readonly place: Place
  /** Of the fresh rows. */
  readonly texts: readonly string[]
  /** By how much the table's digest changes. */
  readonly change: Digest
}

/** Rows that are spelled without a pause: what else the process does waits for them. */
const slice = 2_000

/** Takes what is to be written out of the set; stops after each slice of a table. */
function* spell({ projection, schema }: Build, set: RowSet): Generator<undefined, Spelled[]> {
  const all: Spelled[] = []
  for (const [name, table] of Object.entries(projection.tables)) {
    const { fresh, changed } = set.take(name)
    const textOf = rowText(table)
    const digest = digestChange()
    const texts: string[] = []
    for (const [index, { before, after }] of changed.entries()) {
      digest.remove(textOf(before))
      digest.add(textOf(after))
      if (index % slice === slice - 1) yield
    }
    for (const row of fresh) {
      const text = textOf(row)
      digest.add(text)
      texts.push(text)
      if (texts.length % slice === 0) yield
    }
    all.push({ place: { schema, name, table }, fresh, changed, texts, change: digest.take() })
  }
  return all
}

export const spellChanges = (build: Build, set: RowSet): Spelled[] => {
  const spelling = spell(build, set)
  for (;;) {
    const { done, value } = spelling.next()
    if (done) return value
  }
}

/** The same with pauses, for many rows. */
export const spellSlowly = async (build: Build, set: RowSet): Promise<Spelled[]> => {
  const spelling = spell(build, set)
  for (;;) {
    const { done, value } = spelling.next()
    if (done) return value
    await pause()
  }
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
  how: 'few' | 'many',
): Promise<void> => {
  for (const { place, fresh, changed, texts } of spelled) {
    const after = changed.map((row) => row.after)
    await replaceRows(client, place, after)
    if (how === 'many') await copyRows(client, place, texts)
    else await insertRows(client, place, fresh, texts)
  }
}
