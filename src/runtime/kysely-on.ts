import {
  type CompiledQuery,
  type DatabaseConnection,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type QueryResult,
} from 'kysely'
import type pg from 'pg'
import { plannedByValues } from '../queries/filters.ts'
import type { ReadModel } from '../queries/query.ts'

const databases = new WeakMap<pg.PoolClient, Kysely<ReadModel>>()

/** Kysely over one connection, which is the caller's to begin, end and release. */
export const kyselyOn = (client: pg.PoolClient): Kysely<ReadModel> => {
  const known = databases.get(client)
  if (known) return known
  const connection = connectionOf(client)
  const nothing = async () => {}
  const made = new Kysely<ReadModel>({
    dialect: {
      createAdapter: () => new PostgresAdapter(),
      createIntrospector: (db) => new PostgresIntrospector(db),
      createQueryCompiler: () => new PostgresQueryCompiler(),
      createDriver: () => ({
        init: nothing,
        acquireConnection: async () => connection,
        releaseConnection: nothing,
        beginTransaction: notHere,
        commitTransaction: notHere,
        rollbackTransaction: notHere,
        destroy: nothing,
      }),
    },
  })
  databases.set(client, made)
  return made
}

const notHere = (): never => {
  throw new Error('the transaction is begun and ended by whoever took the connection')
}

const connectionOf = (client: pg.PoolClient): DatabaseConnection => ({
  executeQuery: async <Row>({ sql, parameters }: CompiledQuery): Promise<QueryResult<Row>> => {
    const name = nameOf(sql, parameters.length)
    const { rows } = await client.query({
      text: sql,
      values: [...parameters],
      ...(name && { name }),
    })
    return { rows }
  },
  streamQuery: notHere,
})

/** Statements of lists with filters: their texts are many, but few of them come again and again. */
const maxNames = 200
/** Longer ones name rows one by one, and are hardly ever the same text twice. */
const maxParameters = 12
const names = new Map<string, string>()

/** A statement with a name is parsed once a connection; planning it takes longer than running it. */
const nameOf = (text: string, parameters: number): string | undefined => {
  // Of one with a name Postgres may plan the same for all values.
  if (text.includes(plannedByValues)) return undefined
  const known = names.get(text)
  if (known !== undefined || names.size >= maxNames || parameters > maxParameters) return known
  const name = `read_${names.size}`
  names.set(text, name)
  return name
}
