import assert from 'node:assert/strict'
import { join } from 'node:path'
import type { TestBook } from './book.ts'
import { type Daybook, startCommand } from './daybook.ts'
import { testDirectory } from './services.ts'

/** Runs `daybook export` and answers where the file is. */
export const exportBook = async (
  { environment, rest, token }: Pick<Daybook, 'environment' | 'rest' | 'token'>,
  book: Pick<TestBook, 'id'>,
  name: string,
  more: readonly string[] = [],
): Promise<string> => {
  const file = join(testDirectory('export'), name)
  const format = { journal: 'hledger', csv: 'csv', ndjson: 'ndjson' }[name.split('.')[1] ?? '']
  assert.ok(format, name)
  const args = ['export', '--book', book.id, '--format', format, '--out', file, ...more]
  const access = { DAYBOOK_URL: rest.url, DAYBOOK_TOKEN: token }
  const { code, stderr } = await startCommand(args, { ...environment, ...access }).ended
  assert.equal(code, 0, stderr)
  return file
}
