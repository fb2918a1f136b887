import { DateTime, IANAZone } from 'luxon'
import Type from 'typebox'

/** `2024-02-29`, a day of the book's time zone, or an RFC 3339 instant to the millisecond. */
export const DateOrInstant = Type.String({
  format: 'date-or-instant',
  description: 'A day (of the book’s time zone) or an RFC 3339 instant, to the millisecond',
  examples: ['2024-02-29', '2024-02-29T12:00:00.000Z'],
})

/** `2024-02-29`, a day of the book's time zone. */
export const Day = Type.String({ format: 'day', examples: ['2024-02-29'] })

export const Instant = Type.String({ format: 'date-time' })

const day = /^\d{4}-\d\d-\d\d$/
const instant = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?(Z|[+-]\d\d:\d\d)$/

const isDay = (text: string): boolean =>
  day.test(text) && DateTime.fromISO(text, { zone: 'utc' }).isValid

/** Of these years are all instants, in UTC too and wherever a day begins: four digits, no zero. */
const first = Date.parse('0001-01-02T00:00:00.000Z')
const last = Date.parse('9999-12-31T23:59:59.999Z')

/** Refuses days that no calendar has, and years that text or Postgres cannot hold. */
export const isDateOrInstant = (text: string): boolean => {
  if (!isDay(text) && !(instant.test(text) && DateTime.fromISO(text).isValid)) return false
  // Not a number, and so refused, for offsets of a day and more.
  const at = Date.parse(text)
  return at >= first && at <= last
}

/** An RFC 3339 instant to the millisecond, and no day. */
export const isInstant = (text: string): boolean => instant.test(text) && isDateOrInstant(text)
export const isDayInRange = (text: string): boolean => isDay(text) && isDateOrInstant(text)

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

/** The day that an instant falls on. */
export const dayOf = (milliseconds: number, timeZone: string): string =>
  DateTime.fromMillis(milliseconds, { zone: timeZone }).toFormat('yyyy-MM-dd')

/** The last one made: transactions of a batch mostly count from the same moment. */
let known = { milliseconds: 0, text: '1970-01-01T00:00:00.000Z' }

export const toInstant = (milliseconds: number): string => {
  if (milliseconds !== known.milliseconds) {
    known = { milliseconds, text: new Date(milliseconds).toISOString() }
  }
  return known.text
}
