import { fileURLToPath } from 'node:url'
import type { Client } from './client.ts'
import { showProgress } from './import/progress.ts'
import { readCsv } from './import/read-csv.ts'
import { type ImportResult, runImport } from './import/run-import.ts'

export const exampleBook = 'us-treasury'

const file = fileURLToPath(
  new URL('../../../examples/us-treasury/postings.csv.gz', import.meta.url),
)

/** The US Treasury's cash, day by day from 2005 to 2013: 101,548 transactions. */
export const importExample = async (client: Client): Promise<ImportResult> => {
  const journal = await readCsv(file, [{ code: 'MUSD', exponent: 0 }])
  const names = { bookName: exampleBook, source: 'postings.csv' }
  return runImport(client, journal, names, showProgress(`Importing ${exampleBook}`))
}
