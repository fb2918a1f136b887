import type { ApiAnswer, Client } from './client.ts'
import { UserError } from './report-failure.ts'

export type Book = { readonly id: string; readonly name: string }

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

export const nextOf = ({ meta }: ApiAnswer): string | null => meta['nextCursor'] as string | null

/** Books that the user may read: the one of this id, all of this name, or all there are. */
export async function* booksOf(client: Client, wanted: string | undefined): AsyncGenerator<Book> {
  if (wanted !== undefined && uuid.test(wanted)) return yield { id: wanted, name: wanted }
  const name = wanted === undefined ? '' : `&name=${encodeURIComponent(wanted)}`
  let found = 0
  for (let cursor: string | null = ''; cursor !== null; ) {
    const page = await client.get(
      `/v1/books?limit=200${name}${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''}`,
    )
    for (const book of page.data as Book[]) {
      found++
      yield book
    }
    cursor = nextOf(page)
  }
  if (found === 0 && wanted !== undefined) {
    throw new UserError(
      `There is no book named ${wanted}, or it is not yours. Its id will do as well.`,
    )
  }
}

/** The id of the only book of this name, or the id that is given. */
export const findBook = async (client: Client, wanted: string): Promise<string> => {
  const ids: string[] = []
  for await (const { id } of booksOf(client, wanted)) ids.push(id)
  const [id] = ids
  if (id !== undefined && ids.length === 1) return id
  throw new UserError(`There are ${ids.length} books named ${wanted}. Give the id of one.`)
}
