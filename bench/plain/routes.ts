import type pg from 'pg'
import Type from 'typebox'
import { v7 } from 'uuid'
import type { Dependencies } from '../../src/api/dependencies.ts'
import { BookPath } from '../../src/api/parameters.ts'
import { type Call, type Reply, type Route, route } from '../../src/api/route.ts'
import { transactionRoutes } from '../../src/api/routes/transactions.ts'
import type { TransactionRequest } from '../../src/commands/record-transactions.ts'
import type { EntryRequest } from '../../src/domain/entry.ts'
import { pagesByHand } from './pages.ts'

/** Daybook's own routes, with its authentication and validation, over the plain tables. */
export const plainRoutes = (dependencies: Dependencies, pool: pg.Pool): Route[] => {
  const routes = transactionRoutes(dependencies)
  const withHandler = (address: string, handle: (call: Call) => Promise<Reply>): Route => {
    const found = routes.find((one) => one.method === 'post' && one.address === address)
    if (!found) throw new Error(`Daybook has no route ${address}`)
    return { ...found, handle }
  }
  return [
    withHandler('/v1/books/{book}/transactions', (call) => postOne(pool, call as never)),
    withHandler('/v1/books/{book}/transactions/batch', (call) => postBatch(pool, call as never)),
    ...Object.entries(pagesByHand).map(([name, read]) =>
      route({
        method: 'get',
        address: `/v1/books/{book}/by-hand/${name}/{place}`,
        summary: 'Fifty rows of a list after a place, by hand-written SQL',
        tag: 'yardstick',
        schemas: { path: Type.Object({ ...BookPath.properties, place: Type.String() }) },
        answers: {},
        handle: ({ path: { book, place } }) => read(pool, book, place.split('~')),
      }),
    ),
  ]
}

type Posted<Body> = { readonly path: { readonly book: string }; readonly body: Body }

const linesOf = ({ entries = [], transfers = [] }: TransactionRequest): EntryRequest[] => [
  ...entries,
  ...transfers.flatMap(({ from, to, amount }): EntryRequest[] => [
    { account: from, direction: 'credit', amount },
    { account: to, direction: 'debit', amount },
  ]),
]

const list = (values: readonly (string | number)[]): string => `{${values.join(',')}}`
const textList = (values: readonly string[]): string =>
  list(values.map((value) => `"${value.replace(/["\\]/g, '\\$&')}"`))

const postOne = async (
  pool: pg.Pool,
  { path: { book }, body }: Posted<TransactionRequest>,
): Promise<Reply> => {
  const id = v7()
  const { description = '', metadata = {} } = body
  const lines = linesOf(body)
  const { rows } = await pool.query({
    name: 'post',
    text: 'select plain.post($1, $2, $3, $4, $5, $6, $7) as at',
    values: [
      book,
      id,
      description,
      metadata,
      list(lines.map(({ account }) => account)),
      list(lines.map(({ direction }) => direction)),
      list(lines.map(({ amount }) => amount)),
    ],
  })
  const data = { id, book_id: book, description, metadata, entries: lines, created_at: rows[0].at }
  return { status: 201, headers: { Location: `/v1/books/${book}/transactions/${id}` }, data }
}

const postBatch = async (
  pool: pg.Pool,
  { path: { book }, body: { transactions } }: Posted<{ transactions: TransactionRequest[] }>,
): Promise<Reply> => {
  const ids = transactions.map(() => v7())
  const lines = transactions.flatMap((transaction, index) =>
    linesOf(transaction).map((line) => ({ ...line, place: index + 1 })),
  )
  await pool.query({
    name: 'post_batch',
    text: 'select plain.post_batch($1, $2, $3, $4, $5, $6, $7, $8)',
    values: [
      book,
      list(ids),
      textList(transactions.map(({ description = '' }) => description)),
      textList(transactions.map(({ metadata = {} }) => JSON.stringify(metadata))),
      list(lines.map(({ place }) => place)),
      list(lines.map(({ account }) => account)),
      list(lines.map(({ direction }) => direction)),
      list(lines.map(({ amount }) => amount)),
    ],
  })
  const results = ids.map((id, index) => ({ index, status: 'recorded', id }))
  return { status: 201, data: { results }, meta: { recorded: ids.length, refused: 0 } }
}
