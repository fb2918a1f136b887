import { derivedId } from '../domain/ids.ts'
import { isRepeated, lookupsOf, type Mention } from '../domain/lookup.ts'
import { projection } from './projection.ts'
import { is, type Table } from './table.ts'

const lookup = {
  columns: {
    /** Follows from book, kind and key: keys are long, and asked for by the whole of them only. */
    id: is('uuid'),
    book_id: is('uuid'),
    revision: is('int8'),
  },
  primaryKey: ['id'],
  indexes: [],
  foreignKeys: {},
} as const satisfies Table

export const lookupId = (bookId: string, { kind, key }: Mention): string =>
  derivedId('lookup', bookId, kind, key)

/** Where each key, id and reference of a book leads. The book's writer asks for old ones. */
export const lookups = projection({
  name: 'lookup',
  version: 1,
  isUnskippable: true,
  tables: { lookup },
  needs: (event, bookId) => {
    const repeated = lookupsOf(event).filter(isRepeated)
    return repeated.length > 0 ? { lookup: repeated.map((one) => lookupId(bookId, one)) } : {}
  },
  apply: (event, rows, bookId) => {
    for (const one of lookupsOf(event)) {
      rows.put('lookup', { id: lookupId(bookId, one), book_id: bookId, revision: event.revision })
    }
  },
})
