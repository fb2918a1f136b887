import type { Mention } from '../domain/lookup.ts'

/** What an index of a book's lookups, which may lag behind the book, has to say of some of them. */
export type IndexAnswer = {
  /** The event up to which the index has everything; revision -1 for none. */
  readonly checkpoint: { readonly revision: number; readonly hash: string }
  /** Revisions by kind and key, as in `Book.lookups`; what is missing the index does not have. */
  readonly revisions: ReadonlyMap<string, number>
}

/** Every lookup of every book, outside of memory. Rejects when it cannot be reached. */
export type LookupIndex = {
  readonly find: (bookId: string, mentions: readonly Mention[]) => Promise<IndexAnswer>
}
