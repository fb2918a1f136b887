import { refuse } from '../domain/rejection.ts'
import { getRole } from '../queries/members.ts'
import type { Query } from '../queries/query.ts'
import type { Dependencies } from './dependencies.ts'
import { bookIdOf } from './parameters.ts'
import type { Call, Reply } from './route.ts'

type Asking = Pick<Call, 'principal' | 'minRevision'> & { readonly path: { readonly book: string } }

/** The answer of a query about a book, with the revision that it shows, for whoever may read it. */
export const read = async <Parameters, Data>(
  dependencies: Dependencies,
  call: Asking,
  query: Query<Parameters, Data>,
  parameters: Parameters,
): Promise<Extract<Reply, { body: string }>> => {
  await checkReader(dependencies, call)
  const bookId = bookIdOf(call.path.book)
  const { body, revision } = await dependencies.ask(query, bookId, parameters, call.minRevision)
  return { body, headers: { 'Daybook-Revision': String(revision) } }
}

/** Refuses whoever may not read the book: somebody else's is answered like one that is not there. */
export const checkReader = async (
  { ask }: Dependencies,
  { path, principal, minRevision }: Asking,
): Promise<void> => {
  if (principal.role === 'admin') return
  const user = principal.id
  const { body } = await ask(getRole, bookIdOf(path.book), { user }, minRevision)
  const { data } = JSON.parse(body) as { data: { role: string | null } }
  if (data.role === null) refuse('book_not_found')
}
