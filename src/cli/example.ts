import { fileURLToPath } from 'node:url'
import { Argument, Command } from 'commander'
import type { Currency } from '../domain/currency.ts'
import { type Client, createClient } from './client.ts'
import { reportImport } from './import/report-import.ts'
import type { ImportResult } from './import/run-import.ts'
import { findSession } from './session.ts'

type Example = { readonly file: string; readonly currencies: readonly Currency[] }

const examples = {
  /** The US Treasury's cash, day by day from 2005 to 2013: 101,548 transactions. */
  'us-treasury': { file: 'postings.csv.gz', currencies: [{ code: 'MUSD', exponent: 0 }] },
  /** A non-profit's books from 2015 to 2017: 1,359 transactions, many with more than two entries. */
  'hack-club': { file: 'journal.csv.gz', currencies: [] },
} satisfies Readonly<Record<string, Example>>
type Name = keyof typeof examples

/** The one that the first start imports. */
export const exampleBook: Name = 'us-treasury'

/** Imports one of the books in `examples/` under its name. */
export const importExample = async (client: Client, name: Name): Promise<ImportResult> => {
  const { showProgress } = await import('./import/progress.ts')
  const { readCsv } = await import('./import/read-csv.ts')
  const { runImport } = await import('./import/run-import.ts')
  const { file, currencies } = examples[name]
  const path = fileURLToPath(new URL(`../../../examples/${name}/${file}`, import.meta.url))
  const journal = await readCsv(path, currencies)
  const names = { bookName: name, source: file.replace(/\.gz$/, '') }
  return runImport(client, journal, names, showProgress(`Importing ${name}`))
}

export const exampleCommand = new Command('example')
  .description('Import one of the example books. Stopped at any point, run it again')
  .addArgument(new Argument('<name>', 'which').choices(Object.keys(examples)))
  .option('--url <url>', 'where Daybook is (DAYBOOK_URL, else the last login)')
  .action(async (name: Name, { url }: { url?: string }) => {
    reportImport(await importExample(createClient(await findSession(url)), name))
  })
