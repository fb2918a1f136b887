import {
  type CompiledQuery,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type QueryResult,
} from 'kysely'
import type { ReadModel, RunStatement } from '../queries/query.ts'

/** Kysely over whatever runs its statements; what is begun and ended around them is the caller's. */
export const kyselyOn = (run: RunStatement): Kysely<ReadModel> => {
  const nothing = async () => {}
  const connection = {
    executeQuery: async <Row>({ sql, parameters }: CompiledQuery): Promise<QueryResult<Row>> => ({
      rows: (await run(sql, parameters)) as Row[],
    }),
    streamQuery: notHere,
  }
  return new Kysely<ReadModel>({
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
}

const notHere = (): never => {
  throw new Error('the transaction is begun and ended by whoever took the connection')
}
