import Type from 'typebox'
import type { Book } from '../domain/book.ts'
import { Day, dayOf, endOf, toInstant } from '../domain/instant.ts'
import { Rejected, type Rejection, reject } from '../domain/rejection.ts'
import { linesOf, trialBalanceHash } from '../domain/trial-balance.ts'
import { accepted, command, refused } from './command.ts'

export const ClosePeriod = Type.Object(
  {
    through: Type.Intersect([Day], {
      description: 'The last day to close, of the book’s time zone. It must be over',
    }),
  },
  { additionalProperties: false },
)

const timeZoneOf = ({ header }: Book): string => header?.timeZone ?? 'UTC'

/**
 * Closes all open days up to one. Its event stands for the trial balance at the end of that day,
 * which nothing can change as long as the period is closed.
 */
export const closePeriod = command({
  name: 'ClosePeriod',
  data: ClosePeriod,
  roles: ['owner'],
  idsFor: () => 0,
  mentions: () => [],
  trialBalanceEnd: ({ through }, book) => endOf(through, timeZoneOf(book)),

  decide: ({ through }, book, { now, trialBalance }) => {
    const problem = checkDay(through, book, now)
    if (problem) return refused(problem)
    if (!trialBalance) throw new Rejected(reject('store_unavailable', notInTime))
    const end = endOf(through, timeZoneOf(book))
    const last = book.periods.at(-1)
    return accepted({
      type: 'PeriodClosed',
      data: {
        from: last ? dayOf(last.end, timeZoneOf(book)) : null,
        opens_at: toInstant(end),
        revision: book.revision,
        through,
        trial_balance_hash: trialBalanceHash(linesOf(trialBalance)),
      },
    })
  },
})

const notInTime = 'The trial balance could not be worked out in time. Try again.'

const checkDay = (through: string, book: Book, now: number): Rejection | null => {
  const timeZone = timeZoneOf(book)
  const last = book.periods.at(-1)
  if (endOf(through, timeZone) > now) {
    const reason = `${through} is not over yet in ${timeZone}. Close a day before ${dayOf(now, timeZone)}.`
    return reject('period_not_over', reason, [{ path: '/through', reason }])
  }
  if (last && endOf(through, timeZone) <= last.end) {
    const reason = `The book is closed through ${last.through} already. Close a later day.`
    return reject('period_closed', reason, [{ path: '/through', reason }])
  }
  return null
}
