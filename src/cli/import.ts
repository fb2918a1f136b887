import { basename } from 'node:path'
import { Command, InvalidArgumentError } from 'commander'
import type { Currency } from '../domain/currency.ts'
import { createClient } from './client.ts'
import { reportImport } from './import/report-import.ts'
import { UserError } from './report-failure.ts'
import { findSession } from './session.ts'

type Options = {
  book: string
  currency: Currency[]
  timeZone?: string
  source?: string
  url?: string
}

const toCurrency = (text: string, before: Currency[]): Currency[] => {
  const [, code, exponent] = /^([A-Z][A-Z0-9]{1,11}):(\d{1,2})$/.exec(text) ?? []
  if (!code) throw new InvalidArgumentError('Write it as CODE:DIGITS, e.g. MUSD:0.')
  return [...before, { code, exponent: Number(exponent) }]
}

/**
 * What a file holds, by the ending of its name. What reads files is loaded when there is one to
 * read: other commands start faster without.
 */
export const readJournal = async (file: string, currencies: readonly Currency[]) => {
  const name = file.replace(/\.gz$/, '')
  if (name.endsWith('.csv')) return (await import('./import/read-csv.ts')).readCsv(file, currencies)
  if (/\.(ndjson|jsonl)$/.test(name)) {
    return (await import('./import/read-ndjson.ts')).readNdjson(file, currencies)
  }
  throw new UserError(`${file}: only .csv, .ndjson and .jsonl are read, each also with .gz.`)
}

export const importCommand = new Command('import')
  .description('Import transactions from a CSV or NDJSON file. Stopped at any point, run it again')
  .argument('<file>', '.csv, .ndjson or .jsonl, each also with .gz')
  .requiredOption('--book <name>', 'name of the book; it is opened if there is none')
  .option('--currency <code:digits>', 'a currency that ISO 4217 does not have', toCurrency, [])
  .option('--time-zone <name>', 'of a book that is opened, for the days in the file (UTC)')
  .option('--source <name>', 'what the ids of its transactions follow from (the file’s name)')
  .option('--url <url>', 'where Daybook is (DAYBOOK_URL, else the last login)')
  .addHelpText(
    'after',
    `
CSV columns:
  txn       names the transaction; rows with the same one, which stand together, are its entries
  date      2024-02-29, a day of the book's time zone, or an RFC 3339 instant
  account   its code
  amount    decimal, e.g. -12.50: debits are above zero, credits below
  ccy       its currency
  desc      description of the transaction (may be left out, like all that follow)
  status, reference, expires_at   of the transaction: posted or pending; unique in the book; until
            when it is held
  type      asset, liability, equity, income or expense; without it the type follows from the first
            segment of the code: Assets, Liabilities, Equity, Income (or Revenue), Expenses
  metadata.KEY   metadata of the transaction; code is short for metadata.code

NDJSON: one object a line, done in the order of the file, as the API takes them
  {"type":"book","time_zone":"UTC","currencies":[{"code":"MUSD","exponent":0}]}   (optional, first)
  {"type":"account","account":{"code":"assets:bank","type":"asset","currency":"EUR"}}
  {"type":"transaction","transaction":{"effective_at":"2024-02-29","entries":[...]}}
  docs/journals.md has them all; daybook export --format ndjson writes them.`,
  )
  .action(async (file: string, { book, currency, timeZone, source, url }: Options) => {
    const client = createClient(await findSession(url))
    const read = await readJournal(file, currency)
    const given = timeZone === undefined ? {} : { time_zone: timeZone }
    const journal = { ...read, book: { ...read.book, ...given } }
    const names = { bookName: book, source: source ?? basename(file).replace(/\.gz$/, '') }
    const { showProgress } = await import('./import/progress.ts')
    const { runImport } = await import('./import/run-import.ts')
    const progress = showProgress(`Importing ${book}`)
    reportImport(await runImport(client, journal, names, progress))
  })
