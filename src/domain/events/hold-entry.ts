import type { RecordedEntry } from './transactions-recorded.ts'

/** A line of a hold after it was let go of: `amount` was held until then. */
export type ReleasedEntry = RecordedEntry & {
  /** What was posted of it before, in all. */
  readonly posted: string
}

/** A line of a hold after a posting of `amount`, which may be zero. */
export type SettledEntry = RecordedEntry & {
  /** What has been posted of it in all, this posting included. */
  readonly posted: string
  /** What is still held of it. */
  readonly remaining: string
}

/** Exponents of the currencies in it, so that an event explains itself. */
export type Exponents = Readonly<Record<string, number>>

/** What is left of a hold is let go of: all its lines, in their order. */
export type Release = {
  /** When what was posted of it before counts; null where nothing was. */
  readonly effective_at: string | null
  readonly entries: readonly ReleasedEntry[]
  readonly exponents: Exponents
  /** The hold's id. */
  readonly transaction: string
}
