import { parse } from 'csv-parse'
import { type AccountType, isAccountCode } from '../../domain/account.ts'
import { type Currency, isoExponent } from '../../domain/currency.ts'
import type { EntryRequest } from '../../domain/entry.ts'
import { isDateOrInstant } from '../../domain/instant.ts'
import { UserError } from '../report-failure.ts'
import {
  type Journal,
  type JournalAccount,
  type JournalTransaction,
  lineError,
  toMinorUnits,
} from './journal.ts'
import { openFile } from './open-file.ts'

/** `code` and `desc` may be left out. Amounts are decimal, debits above and credits below zero. */
const required = ['txn', 'date', 'account', 'amount', 'ccy'] as const

type Row = {
  readonly line: number
  readonly txn: string
  readonly date: string
  readonly code: string
  readonly desc: string
  readonly account: string
  readonly amount: string
  readonly ccy: string
}

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
      yield { code: '', desc: '', ...record, line: info.lines }
    }
  } catch (error) {
    if (error instanceof UserError) throw error
    throw new UserError(`${file} is not readable as CSV: ${(error as Error).message}`)
  }
}

const checkColumns = (file: string, record: object): void => {
  const missing = required.filter((name) => !Object.hasOwn(record, name))
  if (missing.length === 0) return
  const all = 'txn,date,code,desc,account,amount,ccy'
  throw new UserError(`${file} has no column ${missing.join(', ')}. The columns are ${all}.`)
}

/** Rows that follow each other with the same `txn` are one transaction. */
async function* readTransactions(
  file: string,
  exponents: ReadonlyMap<string, number>,
): AsyncGenerator<JournalTransaction> {
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
): JournalTransaction => {
  const { txn, line, date, code, desc } = rows[0] as Row
  if (!isDateOrInstant(date)) {
    throw lineError(file, line, `"${date}" is no date; write it like 2024-02-29`)
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
    name: txn,
    line,
    request: {
      effective_at: date,
      ...(desc && { description: desc }),
      ...(code && { metadata: { code } }),
      entries,
    },
  }
}

/** Reads the file once: which accounts and currencies it needs, and whether it can be read at all. */
export const readCsv = async (file: string, declared: readonly Currency[]): Promise<Journal> => {
  const accounts = new Map<string, JournalAccount>()
  const exponents = new Map(declared.map(({ code, exponent }) => [code, exponent]))
  for await (const { line, account, ccy } of readRows(file)) {
    addCurrency(file, line, ccy, exponents)
    addAccount(file, line, account, ccy, accounts)
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
    accounts: [...accounts.values()],
    currencies: declared,
    count: names.size - empty,
    empty,
    transactions: async function* () {
      for await (const transaction of readTransactions(file, exponents)) {
        if (transaction.request.entries?.length) yield transaction
      }
    },
  }
}

const addCurrency = (
  file: string,
  line: number,
  code: string,
  exponents: Map<string, number>,
): void => {
  if (exponents.has(code)) return
  const exponent = isoExponent(code)
  if (exponent === undefined) {
    const hint = `Say how many digits it has after the point: --currency ${code}:2`
    throw lineError(file, line, `ISO 4217 does not know the currency ${code}. ${hint}`)
  }
  exponents.set(code, exponent)
}

const addAccount = (
  file: string,
  line: number,
  code: string,
  currency: string,
  accounts: Map<string, JournalAccount>,
): void => {
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
  const type = types[code.split(':', 1)[0]?.toLowerCase() ?? '']
  if (!type) {
    const names = 'Assets, Liabilities, Equity, Income (or Revenue) or Expenses'
    throw lineError(file, line, `account "${code}" must begin with ${names}, which is its type`)
  }
  accounts.set(code, { code, type, currency })
}
