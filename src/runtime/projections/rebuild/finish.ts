import { isRefusedData } from '../../postgres.ts'
import type { Build } from '../build.ts'
import { constraintsOf, createIndexes } from '../schema.ts'
import { allOf, BuildFailed, goOn, quoted, type Rebuilding } from './rebuilding.ts'

/** Makes the indexes that are missing, two at once, and lets the planner know the rows. */
export const makeIndexes = async (rebuilding: Rebuilding, build: Build): Promise<void> => {
  const { db } = rebuilding
  const tables = Object.entries(build.projection.tables)
  const indexes = tables.flatMap(([name, table]) =>
    createIndexes(build.schema, name, table).map((statement) => ({ name, statement })),
  )
  await twoAtOnce(rebuilding, indexes, ({ name, statement }) =>
    orFail(db.query(statement), `an index of ${name}`),
  )
  await twoAtOnce(rebuilding, tables, ([name]) => db.query(`analyze ${quoted(build, name)}`))
}

/** The last ones first. */
const twoAtOnce = async <Item>(
  rebuilding: Rebuilding,
  items: Item[],
  work: (item: Item) => Promise<unknown>,
): Promise<void> => {
  const next = async () => {
    for (let item = items.pop(); item; item = items.pop()) {
      goOn(rebuilding)
      await work(item)
    }
  }
  await allOf([next(), next()])
}

/** Makes the constraints that are missing. */
export const makeConstraints = async (rebuilding: Rebuilding, build: Build): Promise<void> => {
  const { db } = rebuilding
  const { rows } = await db.query<{ name: string }>(
    'select conname as name from pg_constraint where connamespace = $1::regnamespace',
    [build.schema],
  )
  const known = new Set(rows.map(({ name }) => name))
  for (const { name, create } of constraintsOf(build.schema, build.projection)) {
    goOn(rebuilding)
    if (!known.has(name)) await orFail(db.query(create), `the constraint ${name}`)
  }
}

/** What the rows do not allow is a mistake of the projection, and will be one again. */
const orFail = async (work: Promise<unknown>, what: string): Promise<void> => {
  try {
    await work
  } catch (error) {
    if (!isRefusedData(error)) throw error
    const { message, detail } = error as Error & { detail?: string }
    throw new BuildFailed(`${what} cannot be made: ${message}${detail ? `. ${detail}` : ''}`)
  }
}
