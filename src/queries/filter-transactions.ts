import { sql } from 'kysely'
import Type, { type Static } from 'typebox'
import { DateOrInstant, instantOf, toInstant } from '../domain/instant.ts'
import { Reference } from '../domain/reference.ts'
import { filteredBy, hasMetadata, plannedByValues, wantedMetadata } from './filters.ts'
import { bookOf, findAccount } from './find-account.ts'
import { countUpTo, isFew } from './page.ts'
import type { Reading } from './query.ts'
import { revisionAt } from './revision-at.ts'

export const transactionFilters = {
  status: Type.Optional(
    Type.Union([
      Type.Literal('posted'),
      Type.Literal('pending'),
      Type.Literal('voided'),
      Type.Literal('expired'),
    ]),
  ),
  reference: Type.Optional(Reference),
  account: Type.Optional(
    Type.String({ maxLength: 128, description: 'Those with an entry of this account' }),
  ),
  'created_at[gte]': Type.Optional(DateOrInstant),
  'created_at[lt]': Type.Optional(DateOrInstant),
  'effective_at[gte]': Type.Optional(DateOrInstant),
  'effective_at[lt]': Type.Optional(DateOrInstant),
}
const Filters = Type.Object(transactionFilters)
export type TransactionFilters = Static<typeof Filters>

export const allOf = (db: Reading['db'], bookId: string) =>
  db.selectFrom('transaction').where('book_id', '=', bookId)

/**
 * The transactions of the book that a list shows, without an order. They are found where counting
 * them does not look at far more than it counts: not where several filters must hold, or one that no
 * index answers.
 */
export const filterTransactions = async (reading: Reading, filters: TransactionFilters) => {
  let filtered = allOf(reading.db, reading.bookId).modifyEnd(sql.raw(plannedByValues))
  const { time_zone } = bookOf(reading)
  const instant = (date: string) => toInstant(instantOf(date, time_zone))
  const by = filteredBy(filters)
  let isFound = by.size === 1 && filters.status !== 'posted'

  const from = filters['effective_at[gte]']
  const to = filters['effective_at[lt]']
  if (from) filtered = filtered.where('effective_at', '>=', instant(from))
  if (to) filtered = filtered.where('effective_at', '<', instant(to))

  const since = filters['created_at[gte]']
  const before = filters['created_at[lt]']
  if (since) {
    filtered = filtered.where('revision', '>=', await revisionAt(reading, instant(since)))
  }
  if (before) {
    filtered = filtered.where('revision', '<', await revisionAt(reading, instant(before)))
  }

  const metadata = wantedMetadata(filters)
  if (metadata !== null) filtered = filtered.where(hasMetadata(metadata))

  const { status, reference, account } = filters
  if (status) filtered = filtered.where('status', '=', status)
  // Only a hold is ever anything but posted, and holds have an index by status.
  if (status && status !== 'posted') filtered = filtered.where('hold', 'is not', null)
  if (reference !== undefined) filtered = filtered.where('reference', '=', reference)

  if (account !== undefined) {
    const { id, isSeldom } = await findNamed(reading, account)
    filtered = filtered.where(isSeldom ? isAmongThoseOf(id) : names(id))
    isFound &&= isSeldom
  }
  return { filtered, isFound: isFound || by.has('reference') }
}

/** The account, and whether so few transactions name it that they are found by it. */
const findNamed = async (reading: Reading, account: string) => {
  const { db } = reading
  const { id, entry_count } = await findAccount(reading, account)
  const held = db.selectFrom('hold_entry').select('line').where('account_id', '=', id)
  return { id, isSeldom: isFew(entry_count) && (await countUpTo(db, held)) !== null }
}

/** For an account of few entries: its transactions are looked up, one by one. */
const isAmongThoseOf = (id: string) =>
  sql<boolean>`transaction.id in (
    select transaction_id from entry where account_id = ${id}
    union all select transaction_id from hold_entry where account_id = ${id})`

/** For one of many entries: it is soon met again in whatever order transactions are listed. */
const names = (id: string) =>
  sql<boolean>`(
    exists (select from entry where transaction_id = transaction.id and account_id = ${id})
    or exists (
      select from hold_entry where transaction_id = transaction.id and account_id = ${id}))`
