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
  const member = principal.role === 'admin' ? null : principal.id
  const reader = { member, minRevision }
  const { body, etag, revision } = await ask(query, bookId, parameters, reader)
  return { body, headers: { 'Daybook-Revision': String(revision), ETag: etag } }
}

/** Refuses whoever may not read the book: somebody else's is answered like one that is not there. */
export const checkReader = async (
  { ask }: Dependencies,
  { path, principal, minRevision }: Asking,
): Promise<void> => {
  if (principal.role === 'admin') return
  const reader = { member: null, minRevision }
  const { body } = await ask(getRole, bookIdOf(path.book), { user: principal.id }, reader)
  const { data } = JSON.parse(body) as { data: { role: string | null } }
  if (data.role === null) refuse('book_not_found')
}
