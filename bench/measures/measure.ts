import type { LocalServer } from '../../src/local/child.ts'
import type { Stage } from '../load/operation.ts'
import type { Book } from '../parts/book.ts'
import type { Cores } from '../parts/observe.ts'
import type { Stack } from '../parts/stack.ts'

export type Bench = {
  readonly stack: Stack
  /** For commands and reads; its read model is kept by the worker. */
  readonly book: Book
  /** How many a log that is folded anew is to have; null if that was not said. */
  readonly transactions: number | null
  /** A folded book of so many batches, made when it is first asked for. */
  readonly batched: (batches: number, size: number) => Promise<Book>
  /** The same of single posts: so many, or as many as can be made in a few seconds. */
  readonly single: () => Promise<Book>
  /** Plain Postgres behind Daybook's stack, by the size of its pool; 0 is the bare route. */
  readonly yardstick: (pool: 8 | 32 | 0) => Promise<LocalServer>
}

export type Sample = {
  /** What is compared, per second. */
  readonly rate: number
  /** In ms. */
  readonly p50?: number
  readonly p99?: number
  /** Of the projection behind the answers, in ms. */
  readonly lag?: { readonly p50: number; readonly p99: number }
  readonly cores: Cores
  /** What was seen during each stage of what went on meanwhile. */
  readonly stages?: readonly Stage[]
}

export type Contender = {
  readonly name: string
  /** `profile` names the profiles that are wanted of it, if any are. */
  readonly run: (profile: string | null) => Promise<Sample>
}

export type Prepared = {
  readonly ours: readonly Contender[]
  /** The best of these counts. */
  readonly yardsticks: readonly Contender[]
}

export type Measure = {
  /** On the command line. */
  readonly name: string
  readonly title: string
  readonly unit: string
  /** Rates are compared, where nothing else is said; or how long the slowest took. */
  readonly compares?: 'rate' | 'p99'
  /** What the ratio must reach or, of `p99`, not exceed. */
  readonly bar: number
  readonly prepare: (bench: Bench) => Promise<Prepared>
}
