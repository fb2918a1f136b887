import { refuse } from '../domain/rejection.ts'
import { getRole } from '../queries/members.ts'
import type { Query } from '../queries/query.ts'
import type { Dependencies } from './dependencies.ts'
import { bookIdOf } from './parameters.ts'
import type { Call, Reply } from './route.ts'

type Asking = Pick<Call, 'principal' | 'minRevision'> & { readonly path: { readonly book: string } }

/** The answer of a query about a book, with the revision that it shows, for whoever may read it. */
export const read = async <Parameters, Data>(
  { ask }: Dependencies,
  { path, principal, minRevision }: Asking,
  query: Query<Parameters, Data>,
  parameters: Parameters,
): Promise<Extract<Reply, { body: string }>> => {
  const bookId = bookIdOf(path.book)
  if (principal.role !== 'admin') {
    const answer = await ask(getRole, bookId, { user: principal.id }, minRevision)
    const { data } = JSON.parse(answer.body) as { data: { role: string | null } }
    // Somebody else's book is answered like one that is not there.
    if (data.role === null) refuse('book_not_found')
  }
  const { body, revision } = await ask(query, bookId, parameters, minRevision)
  return { body, headers: { 'Daybook-Revision': String(revision) } }
}
