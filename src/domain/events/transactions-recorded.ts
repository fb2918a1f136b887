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
  spell: { transactions: (transaction: RecordedTransaction) => spell(transaction) },
}

/** The id of the one transaction asked for, where it was there already; else null. */
export const onlyExisting = ({ data }: TransactionsRecorded): string | null => {
  const { transactions, refused, existing } = data
  const [only] = existing
  return only && existing.length + transactions.length + refused.length === 1 ? only.id : null
}

/** Texts that stand in JSON as they are. */
const plain = /^[ !#-[\]-~]*$/
const quote = (text: string): string => (plain.test(text) ? `"${text}"` : JSON.stringify(text))
const optional = (name: string, text: string | undefined): string =>
  text === undefined ? '' : `"${name}":${quote(text)},`

/** Ids, amounts, currencies and instants are of characters that need no escape. */
const spellEntry = ({ account, amount, currency, direction }: RecordedEntry): string =>
  `{"account":"${account}","amount":"${amount}","currency":"${currency}","direction":"${direction}"}`

/** Names in another order than theirs, or that look like numbers, are left to others. */
const spellMetadata = (metadata: Metadata): string | null => {
  let text = ''
  let before = ''
  for (const name of Object.keys(metadata)) {
    if (name < before || /^\d/.test(name)) return null
    text += `${text === '' ? '' : ','}${quote(name)}:${quote(metadata[name] as string)}`
    before = name
  }
  return `{${text}}`
}

const spell = (transaction: RecordedTransaction): string | null => {
  const { description, effective_at, id, index, status } = transaction
  const metadata = spellMetadata(transaction.metadata)
  if (metadata === null) return null
  let entries = ''
  for (const entry of transaction.entries) {
    entries += `${entries === '' ? '' : ','}${spellEntry(entry)}`
  }
  return (
    `{"description":${description === null ? 'null' : quote(description)},` +
    `"effective_at":"${effective_at}","entries":[${entries}],` +
    optional('expires_at', transaction.expires_at) +
    `"id":"${id}","index":${index},"metadata":${metadata},` +
    optional('reference', transaction.reference) +
    optional('requested_effective_at', transaction.requested_effective_at) +
    optional('reverses', transaction.reverses) +
    `"status":"${status}"}`
  )
}
