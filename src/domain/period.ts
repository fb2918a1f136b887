import Type, { type Static } from 'typebox'
import type { Book } from './book.ts'
import { derivedId } from './ids.ts'
import { dayOf, toInstant } from './instant.ts'
import { type Rejection, reject } from './rejection.ts'

/** Days that nothing more is recorded as of. Those of a book follow one another without a gap. */
export type ClosedPeriod = {
  /** Its last day, of the book's time zone. */
  readonly through: string
  /** The first instant after it, in ms since 1970. */
  readonly end: number
  /** Of the event that closed it. */
  readonly revision: number
}

/** A period is known by the event that closed it. */
export const periodId = (bookId: string, revision: number): string =>
  derivedId('period', bookId, String(revision))

export const OnClosedPeriod = Type.Union([Type.Literal('refuse'), Type.Literal('roll_forward')], {
  description:
    'What becomes of a date in a closed period: `refuse`, if left out, or `roll_forward`, which ' +
    'moves it to the first instant that is open',
})
export type OnClosedPeriod = Static<typeof OnClosedPeriod>

export type Placed = {
  readonly effectiveAt: number
  /** The date that was asked for, where it had to be another. */
  readonly requestedAt: number | null
}

/** Where something that counts from `effectiveAt` on stands among the book's periods. */
export const placeInOpen = (
  effectiveAt: number,
  onClosed: OnClosedPeriod,
  book: Book,
): Placed | Rejection => {
  const last = book.periods.at(-1)
  if (!last || effectiveAt >= last.end) return { effectiveAt, requestedAt: null }
  if (onClosed === 'roll_forward') return { effectiveAt: last.end, requestedAt: effectiveAt }
  const { through, end } = last
  const day = dayOf(end, book.header?.timeZone ?? 'UTC')
  const reason =
    `${toInstant(effectiveAt)} is in a period that is closed, through ${through}. ` +
    `Date it ${day} or later, or send on_closed_period=roll_forward.`
  const facts = { closed_through: through, opens_at: toInstant(end) }
  return reject('period_closed', reason, [{ path: '/effective_at', reason, ...facts }])
}
