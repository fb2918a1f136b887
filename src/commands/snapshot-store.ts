import type { Snapshot, SnapshotHead } from '../domain/snapshot/book-snapshot.ts'

/** Snapshots of books outside of the log. They may be lost or broken: the log has everything. */
export type SnapshotStore = {
  /** Those of a book, the newest first. */
  readonly list: (bookId: string) => Promise<readonly SnapshotHead[]>
  /** Rejects where it is not whole. */
  readonly read: (head: SnapshotHead) => Promise<Snapshot>
  /** Keeps it, and drops those of the book that are older than the newest two. */
  readonly save: (snapshot: Snapshot) => Promise<void>
}
