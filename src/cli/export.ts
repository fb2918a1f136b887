import { Command, InvalidArgumentError, Option } from 'commander'
import { isDateOrInstant } from '../domain/instant.ts'
import { createClient } from './client.ts'
import { type Format, formats } from './export/formats.ts'
import { UserError } from './report-failure.ts'
import { findSession } from './session.ts'

type Options = {
  book: string
  format: Format
  out?: string
  until?: string
  knownAt?: number
  url?: string
}

const toDate = (text: string): string => {
  if (!isDateOrInstant(text)) throw new InvalidArgumentError('Write it like 2024-02-29.')
  return text
}

const toRevision = (text: string): number => {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('A revision is a number from 0 on.')
  return Number(text)
}

export const exportCommand = new Command('export')
  .description('Write a book into a file that other programs read, or daybook import')
  .requiredOption('--book <name>', 'name or id of the book')
  .addOption(
    new Option('--format <format>', 'what to write').choices(formats).makeOptionMandatory(),
  )
  .option('--out <file>', 'packed if it ends in .gz; standard output if left out')
  .option('--until <date>', 'hledger, csv: leave out what takes effect after this day', toDate)
  .option('--known-at <revision>', 'the book as it was at this revision', toRevision)
  .option('--url <url>', 'where Daybook is (DAYBOOK_URL, else the last login)')
  .addHelpText(
    'after',
    `
hledger  A journal for hledger and ledger, in the order of dates: accounts with their types,
         commodities, posted transactions marked *, pending ones marked !. Metadata become tags.
csv      A row for each entry, in the order of dates, with the columns of daybook import.
ndjson   The whole history, line by line, from which daybook import makes the book again.

The file is there when it is whole. The same book at the same revision gives the same file.`,
  )
  .action(async ({ book, format, out, until, knownAt, url }: Options) => {
    if (until !== undefined && format === 'ndjson') {
      throw new UserError('ndjson is the history of the book: use --known-at in place of --until.')
    }
    const client = createClient(await findSession(url))
    const { openHistory } = await import('./export/history.ts')
    const { runExport } = await import('./export/run-export.ts')
    const { writeTo, writeWhole } = await import('./export/write-whole.ts')
    const { showProgress } = await import('./import/progress.ts')
    const history = await openHistory(client, book, knownAt ?? null)
    const progress = showProgress(`Exporting ${book}`, 'events')
    const text = runExport(history, { format, until }, progress)
    const isWhole = await (out === undefined
      ? writeTo(process.stdout, text)
      : writeWhole(out, text))
    if (isWhole) console.error(`${book} as it was at revision ${history.revision}.`)
  })
