import { DateTime } from 'luxon'
import type { Booked } from './booked.ts'
import { toDecimal } from './decimal.ts'
import type { Survey, SurveyedAccount } from './survey.ts'

const columns = [
  ...['txn', 'date', 'desc', 'status', 'reference', 'expires_at'],
  ...['account', 'type', 'amount', 'ccy'],
]

/** The columns that `daybook import` reads, a row for each entry; debits above zero. */
export async function* toCsv(survey: Survey, all: AsyncIterable<Booked>): AsyncGenerator<string> {
  const { metadataKeys, accounts, exponents, timeZone } = survey
  yield row([...columns, ...metadataKeys.map((key) => `metadata.${key}`)])
  for await (const booked of all) {
    const { name, status, effectiveAt, expiresAt, description, reference, metadata } = booked
    const details = metadataKeys.map((key) => metadata[key] ?? '')
    const date = dateOf(effectiveAt, timeZone)
    const head = [name, date, description ?? '', status, reference ?? '', expiresAt ?? '']
    for (const { account, direction, amount, currency } of booked.entries) {
      const { label, type } = accounts.get(account) as SurveyedAccount
      const sign = direction === 'debit' ? '' : '-'
      const decimal = `${sign}${toDecimal(amount, exponents.get(currency) as number)}`
      yield row([...head, label, type, decimal, currency, ...details])
    }
  }
}

/** A day, where it is the first instant of one. */
const dateOf = (instant: string, timeZone: string): string => {
  const at = DateTime.fromISO(instant, { zone: timeZone })
  return +at === +at.startOf('day') ? (at.toISODate() as string) : instant
}

/** By RFC 4180. */
const row = (fields: readonly string[]): string =>
  `${fields.map((field) => (/[",\r\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field)).join(',')}\n`
