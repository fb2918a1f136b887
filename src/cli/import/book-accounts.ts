import { derivedId } from '../../domain/ids.ts'
import { ApiError, type Client } from '../client.ts'
import type { JournalAccount } from './journal.ts'

const batchSize = 1_000

/** The accounts of a book by the codes that they have at this point of an import. */
export type BookAccounts = {
  /** The id of an account; a code that the import knows nothing of stays as it is. */
  readonly idOf: (reference: string) => string
  /** Opens those that are not there, however they came to be there. */
  readonly ensure: (accounts: readonly JournalAccount[]) => Promise<void>
  /** Opens them as a step of the import, which done again has no effect. */
  readonly open: (accounts: readonly JournalAccount[], step: string) => Promise<void>
  readonly rename: (from: string, to: string) => void
  readonly forget: (code: string) => void
}

type Known = { readonly id: string; readonly code: string }

export const bookAccounts = (client: Client, bookId: string, source: string): BookAccounts => {
  const ids = new Map<string, string>()
  const path = `/v1/books/${bookId}/accounts`

  const readKnown = async (): Promise<void> => {
    // The book may have been opened a moment ago: the read model has to know it first.
    const headers = { 'daybook-min-revision': '0' }
    let cursor: string | null = null
    do {
      const suffix: string = cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''
      const { data, meta } = await client.get(`${path}?limit=200${suffix}`, headers)
      for (const { id, code } of data as Known[]) ids.set(code, id)
      cursor = meta['nextCursor'] as string | null
    } while (cursor)
  }

  const post = async (accounts: readonly JournalAccount[], step: string): Promise<void> => {
    const key = derivedId('import accounts', bookId, source, step, JSON.stringify(accounts))
    const headers = { 'idempotency-key': key }
    const { data } = await client.post(`${path}/batch`, { accounts }, headers)
    for (const { id, code } of data as Known[]) ids.set(code, id)
  }

  /** Some may turn out to be there: opened by others, or by a run that ended here. */
  const open = async (accounts: readonly JournalAccount[], step: string): Promise<void> => {
    let missing = accounts
    for (let from = 0; from < missing.length; ) {
      try {
        await post(missing.slice(from, from + batchSize), step)
        from += batchSize
      } catch (error) {
        if (!(error instanceof ApiError) || error.code !== 'account_code_taken') throw error
        await readKnown()
        const rest = missing.slice(from).filter(({ code }) => !ids.has(code))
        // One code twice in the file: nothing that is known makes it right.
        if (rest.length === missing.length - from) throw error
        missing = rest
        from = 0
      }
    }
  }

  return {
    idOf: (reference) => ids.get(reference) ?? reference,
    ensure: async (accounts) => {
      await readKnown()
      await open(
        accounts.filter(({ code }) => !ids.has(code)),
        'before all',
      )
    },
    open,
    rename: (from, to) => {
      const id = ids.get(from)
      if (id === undefined || from === to) return
      ids.delete(from)
      ids.set(to, id)
    },
    forget: (code) => ids.delete(code),
  }
}
