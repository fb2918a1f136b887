import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import type { Rejection } from '../../src/domain/rejection.ts'

const file = new URL('../../../tests/commands/refusals.txt', import.meta.url)
const isWriting = process.env['DAYBOOK_APPROVE'] === '1'

/**
 * What each refused row of the tables was told, word for word, as somebody has read it and found it
 * good. `DAYBOOK_APPROVE=1 npm test -- tests/commands/tables.test.ts` writes it anew: read what changed.
 */
export const approvedRefusals = () => {
  const text = existsSync(file) && !isWriting ? readFileSync(file, 'utf8') : ''
  const sections = new Map<string, string>()
  for (const section of text.split('\n\n').filter(Boolean)) {
    const [title = '', ...rows] = section.trimEnd().split('\n')
    sections.set(title, rows.join('\n'))
  }
  return {
    check: (table: string, refusals: readonly Rejection[]): void => {
      const title = `## ${table}`
      const told = refusals.map(toRow).join('\n')
      if (isWriting && told !== '') {
        sections.set(title, told)
        writeFileSync(file, [...sections].map((one) => `${one.join('\n')}\n`).join('\n'))
      }
      assert.equal(told, sections.get(title) ?? '', `${table}: told otherwise than was approved`)
    },
  }
}

const toRow = ({ code, message, details }: Rejection): string =>
  `${code} | ${message} | ${JSON.stringify(details)}`
