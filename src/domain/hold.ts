import type { Direction } from './entry.ts'
import type { ReleasedEntry, SettledEntry } from './events/hold-entry.ts'
import type { RecordedTransaction } from './events/transactions-recorded.ts'

/** One line of an open hold: what of it was posted so far, and what is still held. */
export type HoldEntry = {
  readonly account: string
  readonly currency: string
  readonly direction: Direction
  readonly posted: string
  readonly remaining: string
}

/** A pending transaction that is neither posted as a whole nor voided nor expired. */
export type Hold = {
  readonly id: string
  /** In ms since 1970; null: it never expires. */
  readonly expiresAt: number | null
  /** When what was posted of it last takes effect; null where nothing was. */
  readonly effectiveAt: string | null
  /** All of its lines, in their order. */
  readonly entries: readonly HoldEntry[]
}

export const toHold = ({ id, entries, expires_at }: RecordedTransaction): Hold => ({
  id,
  expiresAt: expires_at === undefined ? null : Date.parse(expires_at),
  effectiveAt: null,
  entries: entries.map(({ account, amount, currency, direction }) => ({
    account,
    currency,
    direction,
    posted: '0',
    remaining: amount,
  })),
})

/** Whether a posting with these lines leaves something held. */
export const isKept = (entries: readonly SettledEntry[]): boolean =>
  entries.some(({ remaining }) => remaining !== '0')

/** The lines of a hold as the event says that lets go of all that is left. */
export const released = ({ entries }: Hold): ReleasedEntry[] =>
  entries.map(({ account, currency, direction, posted, remaining }) => ({
    account,
    amount: remaining,
    currency,
    direction,
    posted,
  }))
