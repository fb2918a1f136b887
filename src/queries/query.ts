import type { Kysely } from 'kysely'
import type { LedgerTables } from '../projections/ledger/tables.ts'
import type { Selected } from '../projections/table.ts'
import type { Sign } from './page.ts'

/** The tables that queries may read, as Kysely knows them. */
export type ReadModel = { [Name in keyof LedgerTables]: Selected<LedgerTables[Name]> } & {
  checkpoint: { book_id: string; revision: number }
}

export type Envelope<Data> = {
  readonly data: Data
  readonly meta: object
  /** Quoted, where the data have versions of their own; otherwise it follows from the text. */
  readonly etag?: string
}

/** What most queries need of the book. */
export type BookFacts = Pick<ReadModel['book'], 'time_zone' | 'account_count' | 'transaction_count'>

export type RunStatement = (text: string, values: readonly unknown[]) => Promise<readonly unknown[]>

/** One snapshot of the read model: all that is read through it belongs together. */
export type Reading = {
  readonly db: Kysely<ReadModel>
  /** Runs a statement that is text already, and gives its rows. */
  readonly run: RunStatement
  readonly bookId: string
  /** Null if it is not there, or not yet. Of a query of one statement it is known once that was run. */
  readonly book: BookFacts | null
  /** Up to which revision the book is folded in this snapshot; known when `book` is. */
  readonly revision: number
  /** For cursors. */
  readonly sign: Sign
  /** The time of the question. */
  readonly now: Date
  /** Says that the answer is only good until then, though no event may come. */
  readonly validUntil: (instant: string | null) => void
}

export type Query<Parameters, Data> = {
  readonly name: string
  /** What the answer depends on. An answer is cached as long as none of these change. */
  readonly tags: (bookId: string, parameters: Parameters) => readonly string[]
  /**
   * Whether it asks one statement and no other. That sees one snapshot without a transaction, and
   * brings what is to be known of the book with it: one round trip in place of three.
   */
  readonly isOneStatement?: (parameters: Parameters) => boolean
  readonly run: (reading: Reading, parameters: Parameters) => Promise<Envelope<Data>>
}

export const query = <Parameters, Data>(it: Query<Parameters, Data>): Query<Parameters, Data> => it
