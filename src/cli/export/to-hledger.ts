import { DateTime } from 'luxon'
import type { Booked } from './booked.ts'
import { toDecimal } from './decimal.ts'
import { hledgerTypes, type Survey, type SurveyedAccount } from './survey.ts'

/**
 * A journal as hledger and ledger read it: accounts with their types, commodities, then entries in
 * the order of their dates; debits above zero. What is pending is marked `!`, all else `*`.
 */
export async function* toHledger(
  survey: Survey,
  booked: AsyncIterable<Booked>,
): AsyncGenerator<string> {
  const { name, accounts, exponents, timeZone } = survey
  yield `; ${plain(name)}\n; Days are those of ${timeZone}.\n\n`
  for (const [currency, exponent] of exponents) yield commodity(currency, exponent)
  for (const account of accounts.values()) yield declaration(account)
  for await (const transaction of booked) yield entry(transaction, survey)
}

/** hledger wants a decimal mark in a format, and ledger none without a digit after it. */
const commodity = (currency: string, exponent: number): string => {
  const symbol = quoted(currency)
  const format = exponent > 0 ? `  format 1000.${'0'.repeat(exponent)} ${symbol}\n` : ''
  return `commodity ${symbol}\n${format}\n`
}

const declaration = ({ label, type, name, code }: SurveyedAccount): string =>
  `account ${label}\n  ; type: ${hledgerTypes[type]}\n${name === code ? '' : `  ; name: ${value(name)}\n`}\n`

const entry = (transaction: Booked, { accounts, exponents, timeZone }: Survey): string => {
  const { name, status, effectiveAt, description, reference, metadata, entries } = transaction
  const at = DateTime.fromISO(effectiveAt, { zone: timeZone })
  const mark = status === 'posted' ? '*' : '!'
  const lines = [`${at.toISODate()} ${mark} (${name}) ${plain(description ?? '')}`.trimEnd()]
  if (+at !== +at.startOf('day')) lines.push(`    ; effective_at: ${effectiveAt}`)
  if (reference !== null) lines.push(`    ; reference: ${value(reference)}`)
  for (const [key, text] of Object.entries(metadata))
    lines.push(`    ; ${tag(key)}: ${value(text)}`)
  for (const { account, direction, amount, currency } of entries) {
    const { label } = accounts.get(account) as SurveyedAccount
    const sign = direction === 'debit' ? '' : '-'
    const decimal = toDecimal(amount, exponents.get(currency) as number)
    lines.push(`    ${label}  ${sign}${decimal} ${quoted(currency)}`)
  }
  return `${lines.join('\n')}\n\n`
}

/** A name with digits would run into the number before it. */
const quoted = (currency: string): string => (/\d/.test(currency) ? `"${currency}"` : currency)

const encoded = (text: string, special: RegExp): string =>
  text.replace(special, (character) => encodeURIComponent(character))

/** Without line breaks, and without what begins a comment. */
const plain = (text: string): string => encoded(text, /[\p{Cc}\u2028\u2029;]/gu)

/** Dates in brackets would become the transaction's, and a comma ends a tag. */
const value = (text: string): string => encoded(text, /[\p{Cc}\u2028\u2029;,[\]]/gu)

/** Names that mean something to one of the programs get an underline. */
const reserved = /^(assert|check|code|date2?|effective_at|payee|reference|type|uuid|value)$/i

const tag = (key: string): string => {
  const name = key.replaceAll(':', '%3A')
  return reserved.test(name) ? `${name}_` : name
}
