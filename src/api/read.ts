import type { Query } from '../queries/query.ts'
import type { Dependencies } from './dependencies.ts'
import type { Reply } from './route.ts'

/** The answer of a query, with the revision that it shows. */
export const read = async <Parameters, Data>(
  { ask }: Dependencies,
  query: Query<Parameters, Data>,
  bookId: string,
  parameters: Parameters,
  minRevision: number | null,
): Promise<Reply> => {
  const { body, revision } = await ask(query, bookId, parameters, minRevision)
  return { body, headers: { 'Daybook-Revision': String(revision) } }
}
