import type { Direction } from '../entry.ts'
import type { Metadata } from '../metadata.ts'
import type { Rejection } from '../rejection.ts'
import type { Event, EventType } from './event.ts'

/** With its keys in the order of their names, like a transaction's: see `canonical`. */
export type RecordedEntry = {
  /** The account's id. */
  readonly account: string
  readonly amount: string
  readonly currency: string
  readonly direction: Direction
}

export type RecordedTransaction = {
  readonly description: string | null
  readonly effective_at: string
  readonly entries: readonly RecordedEntry[]
  /** Of a pending one, where it is not to be held for ever. */
  readonly expires_at?: string
  readonly id: string
  /** Place in the request. */
  readonly index: number
  readonly metadata: Metadata
  /** Unique in the book. */
  readonly reference?: string
  /** The date that was asked for, where it lay in a closed period. */
  readonly requested_effective_at?: string
  /** The id of the transaction that it reverses. */
  readonly reverses?: string
  readonly status: 'posted' | 'pending'
}

/** One command's transactions, and what became of its other items: the whole answer is in here. */
export type TransactionsRecorded = Event<
  'TransactionsRecorded',
  {
    readonly transactions: readonly RecordedTransaction[]
    /** Items refused, each for itself. */
    readonly refused: readonly (Rejection & { readonly index: number })[]
    /** Items whose transaction was there already, with the same content. */
    readonly existing: readonly { readonly id: string; readonly index: number }[]
    /** Exponents of the currencies used, so that the event explains itself. */
    readonly exponents: Readonly<Record<string, number>>
  }
>

/**
 * Version 2 may hold pending transactions, references and reversals. What version 1 says is the same
 * in version 2; it is a new version for those who read the log and know no holds.
 */
export const transactionsRecorded: EventType<TransactionsRecorded['data']> = {
  version: 2,
  upcasts: { 1: (data: TransactionsRecorded['data']) => data },
  leaves: ['transactions', 'refused', 'existing'],
}

/** The id of the one transaction asked for, where it was there already; else null. */
export const onlyExisting = ({ data }: TransactionsRecorded): string | null => {
  const { transactions, refused, existing } = data
  const [only] = existing
  return only && existing.length + transactions.length + refused.length === 1 ? only.id : null
}
