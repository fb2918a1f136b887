import { parse } from 'csv-parse'
import { type AccountType, isAccountCode } from '../../domain/account.ts'
import { type Currency, isoExponent } from '../../domain/currency.ts'
import type { EntryRequest } from '../../domain/entry.ts'
import { isDateOrInstant } from '../../domain/instant.ts'
import { UserError } from '../report-failure.ts'
import {
  type Journal,
  type JournalAccount,
  lineError,
  type StepOf,
  toMinorUnits,
} from './journal.ts'
import { openFile } from './open-file.ts'

const required = ['txn', 'date', 'account', 'amount', 'ccy'] as const
const optional = ['desc', 'status', 'reference', 'expires_at', 'code', 'type'] as const
const metadataPrefix = 'metadata.'

/** What a CSV file may hold, as `daybook import --help` and the docs tell it. */
export const csvColumns = [...required, ...optional, `${metadataPrefix}KEY`].join(',')

type Row = {
  readonly line: number
  readonly metadata: Readonly<Record<string, string>>
} & Readonly<Record<(typeof required)[number] | (typeof optional)[number], string>>

/** By the first segment of the code, in small letters, where there is no column `type`. */
const types: Readonly<Record<string, AccountType>> = {
  assets: 'asset',
  liabilities: 'liability',
  equity: 'equity',
  income: 'income',
  revenue: 'income',
  revenues: 'income',
  expenses: 'expense',
}

async function* readRows(file: string): AsyncGenerator<Row> {
  const input = await openFile(file)
  const parser = parse({ columns: true, info: true, bom: true, skip_empty_lines: true, trim: true })
  input.on('error', (error) => parser.destroy(error)).pipe(parser)
  let isFirst = true
  try {
    for await (const { record, info } of parser) {
      if (isFirst) checkColumns(file, record)
      isFirst = false
      yield toRow(record, info.lines)
    }
  } catch (error) {
    if (error instanceof UserError) throw error
    throw new UserError(`${file} is not readable as CSV: ${(error as Error).message}`)
  }
}

const checkColumns = (file: string, record: object): void => {
  const missing = required.filter((name) => !Object.hasOwn(record, name))
  if (missing.length > 0) {
    throw new UserError(`${file} has no column ${missing.join(', ')}. ${allColumns}`)
  }
  const known: readonly string[] = [...required, ...optional]
  const unknown = Object.keys(record).filter(
    (name) => !known.includes(name) && !name.startsWith(metadataPrefix),
  )
  if (unknown.length === 0) return
  const hint = `To keep it, name it ${metadataPrefix}${unknown[0]}; else leave it out.`
  throw new UserError(`${file}: the column ${unknown[0]} means nothing. ${hint} ${allColumns}`)
}

const allColumns = `The columns are ${csvColumns}.`

/** `code` is short for `metadata.code`. What is empty is not there. */
const toRow = (record: Readonly<Record<string, string>>, line: number): Row => {
  const { txn = '', date = '', account = '', amount = '', ccy = '' } = record
  const { desc = '', status = '', reference = '', expires_at = '' } = record
  const { code = '', type = '' } = record
  const metadata: Record<string, string> = code === '' ? {} : { code }
  for (const [name, value] of Object.entries(record)) {
    if (name.startsWith(metadataPrefix) && value !== '') {
      metadata[name.slice(metadataPrefix.length)] = value
    }
  }
  const entry = { account, amount, ccy, type }
  return { line, txn, date, desc, status, reference, expires_at, code, metadata, ...entry }
}

/** Rows that follow each other with the same `txn` are one transaction. */
async function* readTransactions(
  file: string,
  exponents: ReadonlyMap<string, number>,
): AsyncGenerator<StepOf<'transaction'>> {
  let rows: Row[] = []
  for await (const row of readRows(file)) {
    if (rows[0] && rows[0].txn !== row.txn) {
      yield toTransaction(file, rows, exponents)
      rows = []
    }
    rows.push(row)
  }
  if (rows.length > 0) yield toTransaction(file, rows, exponents)
}

const toTransaction = (
  file: string,
  rows: readonly Row[],
  exponents: ReadonlyMap<string, number>,
): StepOf<'transaction'> => {
  const { txn, line, date, desc, metadata, status, reference, expires_at } = rows[0] as Row
  if (!isDateOrInstant(date)) {
    throw lineError(file, line, `"${date}" is no date; write it like 2024-02-29`)
  }
  if (status !== '' && status !== 'posted' && status !== 'pending') {
    throw lineError(file, line, `"${status}" is no status: write posted or pending`)
  }
  const entries: EntryRequest[] = []
  for (const row of rows) {
    if (row.date !== date) throw lineError(file, row.line, `transaction ${txn} has two dates`)
    const amount = toMinorUnits(row.amount, exponents.get(row.ccy) as number)
    if (typeof amount === 'string') throw lineError(file, row.line, amount)
    if (amount === 0n) continue
    const direction = amount > 0n ? 'debit' : 'credit'
    const size = String(amount > 0n ? amount : -amount)
    entries.push({ account: row.account, direction, amount: size, currency: row.ccy })
  }
  return {
    kind: 'transaction',
    name: txn,
    line,
    request: {
      effective_at: date,
      ...(status && { status }),
      ...(reference && { reference }),
      ...(expires_at && { expires_at }),
      ...(desc && { description: desc }),
      ...(Object.keys(metadata).length > 0 && { metadata }),
      entries,
    },
  }
}

/** Reads the file once: which accounts and currencies it needs, and whether it can be read at all. */
export const readCsv = async (file: string, declared: readonly Currency[]): Promise<Journal> => {
  const accounts = new Map<string, JournalAccount>()
  const exponents = new Map(declared.map(({ code, exponent }) => [code, exponent]))
  for await (const row of readRows(file)) {
    addCurrency(file, row, exponents)
    addAccount(file, row, accounts)
  }
  if (accounts.size === 0) throw new UserError(`${file} has no rows.`)
  const names = new Set<string>()
  let empty = 0
  for await (const { name, line, request } of readTransactions(file, exponents)) {
    if (names.has(name)) {
      throw lineError(file, line, `transaction ${name} goes on here; its rows must stand together`)
    }
    names.add(name)
    if (request.entries?.length === 0) empty++
  }
  return {
    book: { currencies: declared },
    accounts: [...accounts.values()],
    count: names.size - empty,
    empty,
    steps: async function* () {
      for await (const transaction of readTransactions(file, exponents)) {
        if (transaction.request.entries?.length) yield transaction
      }
    },
  }
}

const addCurrency = (file: string, { line, ccy }: Row, exponents: Map<string, number>): void => {
  if (exponents.has(ccy)) return
  const exponent = isoExponent(ccy)
  if (exponent === undefined) {
    const hint = `Say how many digits it has after the point: --currency ${ccy}:2`
    throw lineError(file, line, `ISO 4217 does not know the currency ${ccy}. ${hint}`)
  }
  exponents.set(ccy, exponent)
}

const addAccount = (file: string, row: Row, accounts: Map<string, JournalAccount>): void => {
  const { line, account: code, ccy: currency } = row
  const known = accounts.get(code)
  if (known) {
    if (known.currency === currency) return
    const reason = `${code} is in ${known.currency} above, and an account has one currency`
    throw lineError(file, line, reason)
  }
  if (!isAccountCode(code)) {
    const reason = 'is no code: it takes up to 128 of A-Z a-z 0-9 : . _ - /'
    throw lineError(file, line, `account "${code}" ${reason}`)
  }
  accounts.set(code, { code, type: typeOf(file, row), currency })
}

const typeOf = (file: string, { line, account, type }: Row): AccountType => {
  if (Object.values(types).includes(type as AccountType)) return type as AccountType
  if (type !== '') {
    const names = 'asset, liability, equity, income or expense'
    throw lineError(file, line, `"${type}" is no type of account: write ${names}`)
  }
  const bySegment = types[account.split(':', 1)[0]?.toLowerCase() ?? '']
  if (bySegment) return bySegment
  const names = 'Assets, Liabilities, Equity, Income (or Revenue) or Expenses'
  const reason = `must begin with ${names}, which is its type, or have it in the column type`
  throw lineError(file, line, `account "${account}" ${reason}`)
}
