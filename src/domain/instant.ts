import { DateTime, IANAZone } from 'luxon'
import Type from 'typebox'

/** `2024-02-29`, a day of the book's time zone, or an RFC 3339 instant to the millisecond. */
export const DateOrInstant = Type.String({
  format: 'date-or-instant',
  description: 'A day (of the book’s time zone) or an RFC 3339 instant, to the millisecond',
  examples: ['2024-02-29', '2024-02-29T12:00:00.000Z'],
})

export const Instant = Type.String({ format: 'date-time' })

const day = /^\d{4}-\d\d-\d\d$/
const instant = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?(Z|[+-]\d\d:\d\d)$/

const isDay = (text: string): boolean =>
  day.test(text) && DateTime.fromISO(text, { zone: 'utc' }).isValid

/** Also refuses days that no calendar has and the year 0, which Postgres does not know. */
export const isDateOrInstant = (text: string): boolean =>
  (isDay(text) || (instant.test(text) && DateTime.fromISO(text).isValid)) &&
  !text.startsWith('0000')

export const isTimeZone = (name: string): boolean => IANAZone.isValidZone(name)

const dayStarts = new Map<string, number>()

const startOf = (date: string, timeZone: string, daysLater = 0): number => {
  if (timeZone === 'UTC') return Date.parse(date) + daysLater * 86_400_000
  const key = `${timeZone} ${date} ${daysLater}`
  const known = dayStarts.get(key)
  if (known !== undefined) return known
  if (dayStarts.size >= 10_000) dayStarts.clear()
  const start = DateTime.fromISO(date, { zone: timeZone })
    .plus({ days: daysLater })
    .startOf('day')
    .toMillis()
  dayStarts.set(key, start)
  return start
}

/** Milliseconds since 1970 at which something counts: a day counts from its first instant. */
export const instantOf = (text: string, timeZone: string): number =>
  day.test(text) ? startOf(text, timeZone) : Date.parse(text)

/** The first millisecond after what is asked for: a day is asked for up to its last instant. */
export const endOf = (text: string, timeZone: string): number =>
  day.test(text) ? startOf(text, timeZone, 1) : Date.parse(text) + 1

export const toInstant = (milliseconds: number): string => new Date(milliseconds).toISOString()
