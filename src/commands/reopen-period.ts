import Type from 'typebox'
import { Day } from '../domain/instant.ts'
import type { ClosedPeriod } from '../domain/period.ts'
import { type Rejection, reject } from '../domain/rejection.ts'
import { accepted, command, refused } from './command.ts'

export const ReopenPeriod = Type.Object(
  {
    through: Type.Union([Day, Type.Null()], {
      description: 'The last day that stays closed, the last one of a closed period; null: none',
    }),
  },
  { additionalProperties: false },
)

/** Takes the latest closings back, down to one that stands. */
export const reopenPeriod = command({
  name: 'ReopenPeriod',
  data: ReopenPeriod,
  roles: ['owner'],
  idsFor: () => 0,
  mentions: () => [],

  decide: ({ through }, { periods }) => {
    const problem = checkStays(through, periods)
    if (problem) return refused(problem)
    const closings = periods
      .filter((period) => through === null || period.through > through)
      .map(({ revision }) => revision)
      .reverse()
    return accepted({ type: 'PeriodReopened', data: { closings, through } })
  },
})

const checkStays = (through: string | null, periods: readonly ClosedPeriod[]): Rejection | null => {
  const last = periods.at(-1)
  if (!last) return reject('period_not_closed', 'No period of this book is closed.')
  if (through === null) return null
  if (through === last.through) {
    const reason = `The book is closed through ${through} as it is: there is nothing to reopen.`
    return reject('period_not_closed', reason, [{ path: '/through', reason }])
  }
  if (periods.some((period) => period.through === through)) return null
  const days = periods.map((period) => period.through).join(', ')
  const reason = `No closed period ends on ${through}. Those that are closed end on ${days}.`
  return reject('period_not_closed', reason, [{ path: '/through', reason }])
}
